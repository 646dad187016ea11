// Package psync holds what processes wait on together: Mutex, RWMutex, Semaphore, Cond, Event and Barrier, each a small
// named file in a Space. Any of the processes may be killed at any instruction, and the others go on: a lock whose owner
// died is granted with ErrOwnerDead within 100 ms after the kernel is done with the dead, permits and read locks of the
// dead come back, a barrier breaks.
//
// OpenMutex and its like give the object of that name and make it when it is missing. A process has one place in an
// object however often it opens it, and its goroutines wait for one another without the kernel: at most one of
// them sleeps in a system call for one object. What a process holds is its own: another one cannot give it back. Close gives up the
// view and not what is held, which stays held until the process gives it back through another view, leaves the Space or dies.
//
// All waits end with their context, and then name who was waited for. Who waits and who is waited for can be seen from outside
// (Look), so that a deadlock shows as its cycle (Cycle).
//
// A process that is stopped (SIGSTOP) and lives keeps what it holds. What was reserved for it, because it had waited long, others
// take after 80 ms; when it is stopped in the few instructions in which it changes the object, all wait for it.
//
// To the race detector, what a goroutine does before an Unlock happens before what another of the same process does
// after the Lock that follows, and likewise for the other kinds. What other processes do it does not see.
package psync
