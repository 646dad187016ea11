// Package atrium shares data between processes of one machine at memory speed: worker processes, Go's or Python's, see the
// same arrays in place, and any of them may be killed at any moment without harm to the others.
//
// The nouns, and where they live:
//
//	shm.Space      a directory that processes share, with a table of who is alive
//	shm.Segment    one mapped file in it
//	ndarray.Array  a typed n-d view of a Segment whose file is a valid .npy
//	queue.Queue    a bounded queue that any processes put into and get from; queue.Pipe one for two that talk
//	psync.Mutex    a lock that survives its owner; RWMutex, Semaphore, Cond, Event, Barrier
//	process.Process a child: this binary again, or Python
//	pool.Pool      worker processes; pool.Function what they run; pool.Future a result
//	engine.Engine  where a pool's tasks run
//
// A program that starts processes calls Main first. Everything else is in the packages above; docs/ARCHITECTURE.md
// tells how they fit together.
package atrium
