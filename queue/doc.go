// Package queue passes values between processes: Queue, which any processes put into and get from, and Pipe, which two
// processes talk through. Each is a named file in a Space, and any of the processes may be killed at any instruction: the others go on, and
// what is lost or comes twice is exactly this.
//
//   - A Put that has returned is not lost with its process. One that has not is in the queue or not, never half.
//   - Get hands a value over at most once. A process that is killed takes at most one value with it for each goroutine that was in
//     Get, and at most one batch for GetMany, beside what it had been handed.
//   - Borrow and Release hand a value over at least once. A value whose borrower was killed comes again, marked, and out of order.
//   - Otherwise what one process puts comes out in the order in which it was put.
//
// A process that is stopped (SIGSTOP) in the few instructions in which it has claimed a place holds the others up until it goes on
// or dies.
//
// Values of a fixed size without pointers go as plain bytes, []byte and string as they are, others as CBOR (package codec). Small ones
// lie in their places; bigger ones in memory of their place's own, which gets storage when it is first needed; the biggest in
// files of their own. Arrays go by reference: whole unnamed ones become the queue's and then the receiver's, without a copy.
//
// Python programs put and get through a process that serves them (Queue.Serve), and functions of a pool through the pool's.
//
// All waits end with their context. At most one goroutine of a process sleeps in a system call for one queue's values, and one
// for room; the others wait for each other. Look tells from outside how full a queue is, and who uses it.
//
// To the race detector, what a goroutine does before a Put happens before what another of the same process does after the Get that
// follows. What other processes do it does not see.
package queue
