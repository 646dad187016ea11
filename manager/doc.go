// Package manager serves shared objects to stock Python programs: a SyncManager of Python's multiprocessing.managers connects to
// a Server here in place of a manager process of its own, and its lists, dicts, queues and locks live in this Go process.
//
//	s, err := manager.Listen("unix:/run/user/1000/things", manager.Config{Authkey: key})
//	…
//	err = s.Serve(ctx)
//
// and in Python
//
//	import multiprocessing
//	from multiprocessing.managers import SyncManager
//	multiprocessing.current_process().authkey = key  # proxies within values, and in other processes, use this one
//	m = SyncManager("/run/user/1000/things", key)
//	m.connect()
//	d = m.dict()
//
// Served are list, dict, set, Namespace, Value, Array, Queue, JoinableQueue, Lock, RLock, Semaphore, BoundedSemaphore, Condition,
// Event, Barrier, Pool with its AsyncResult, the iterators of dicts, sets and pools, and what SharedMemoryManager asks for, with the results, exceptions and messages of CPython 3.11, to clients of
// CPython 3.9 to 3.13; what 3.14 has more is there and was not tried with it yet. Proxies may be parts of values, and arguments of processes of every start method. The protocol, and all that is
// otherwise than in Python, is in docs/formats/manager.md.
//
// A Client is for Go programs, of this server and of managers that CPython runs: Dial, and then NewDict, NewList, NewQueue, NewLock …
//
// Server.Register adds types of the Go program, whose methods Python calls, and Server.Share objects that all clients find under a name.
//
// # Python code
//
// The functions of pools, and what else of Python's has to be called (a key function of sort, the action of a barrier, a pool's callbacks), run in
// worker processes of the interpreter Config.Python, which find the functions of the clients' own script when Config.Main names it. The
// server hands them pickles and gets pickles. A worker that dies ends the call that it was for with a BrokenProcessPool, a RuntimeError,
// some ms later, and the pool goes on. A process takes some 60 ms
// to start, and what it imports; a call of a pool 0.15 ms, as in CPython. Without Config.Python such calls raise NotImplementedError.
//
// # Who owns what
//
// As in Python an object lives while a client has a proxy for it, or while it is part of the value of an object that lives. Unlike
// there, the references of a client on a Unix socket that died are given back, within a second; those of a client over TCP are
// not, as nothing tells what process it was. A client that waits, in a get, an acquire or the like, and is killed, waits no more and takes nothing. A
// lock whose owner is killed stays locked, as in Python, unless Config.ReleaseLocks is set.
//
// # Safety
//
// Clients are let in by their authkey and trusted with the objects, and where Config.Python is set with running code as this user, but with
// nothing else: pickles are data here and never run, each
// client is served by goroutines of its own, and what it can make the server allocate is bounded by Config.
package manager
