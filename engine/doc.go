// Package engine is where a pool's tasks run: the registry of functions that a worker process can be asked for, the
// protocol between the driver (the process with the pool) and its workers (docs/formats/worker-protocol.md), the
// worker's side of it, and the Engine interface, which engine/local implements on this machine.
package engine
