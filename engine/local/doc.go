// Package local runs a pool's tasks in worker processes on this machine: this binary again for Go functions, Python
// for Python ones. Each kind of worker is started when the first task needs it.
//
//	Submit → pending → worker.out (sent, in order; the first one runs) → done
//	            ↑______________|  its worker died or gave it back
//
// One lock guards all of that; no call under it blocks. Each worker has a goroutine that writes to its socket, one that
// reads from it and lives until the process is gone, and one for each of its output pipes.
package local
