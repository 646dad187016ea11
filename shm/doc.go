// Package shm gives processes of one user the same memory under a name.
//
// A Space is a directory that they share, a Segment one mapped file in it. A named Segment is the file of that
// name; it stays until Remove. An unnamed one belongs to the process that made it, whose slot and epoch in the
// Space's process table stand in the file's name (".slot-epoch-seq"): it goes with its last view, moves to another
// process by a rename (Give), and when its owner dies any process that opens the Space, allocates in it or calls Sweep
// removes it. Who is alive is told by a file lock that the kernel releases, never by a pid (docs/formats/control.md).
//
// Caveats. Bytes is memory that the garbage collector does not know: a slice into it does not keep the Segment
// open, and is invalid after the last Close. Nothing is ever unmapped by a finalizer. A write through a read-only
// mapping, or a read past the end of a file that somebody truncated, is a fault that kills the process unless
// debug.SetPanicOnFault is on in that goroutine, as it is in a pool's functions.
//
// Block and ShareableList are the two that Python's multiprocessing.shared_memory knows by name.
package shm
