// Package ring holds the queues in shared memory that everything else waits on, and how it waits: bells, which wake
// sleepers of other processes without a system call when nobody sleeps, the byte ring of one producer and one consumer, the ring of
// lines of two that answer each other, and the ring of slots of many. Every structure works on memory it is given, so that the same code runs on a mapped file and,
// under the race detector, on the heap. Nothing in it is trusted: what another process wrote is read once and checked.
package ring
