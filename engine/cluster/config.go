package cluster

import (
	"errors"
	"fmt"
	"time"

	"example.com/atrium/engine"
)

// Kind is which engine it is.
type Kind string

// The engines there are.
const (
	Ray  Kind = "ray"
	Dask Kind = "dask"
)

// Config of a cluster. Only Kind is needed: then an engine is started on this machine, with a worker for each core.
type Config struct {
	Kind Kind
	// Address of a cluster that runs. Ray: HOST:PORT of its head, or "auto", from a node of the cluster. Dask: the scheduler's,
	// such as tcp://HOST:8786 or tls://HOST:8786. "": an engine of its own on this machine, which ends with this process.
	Address string
	// Python is an interpreter that has the engine installed, of the versions that the cluster has; "" as
	// process.Interpreter finds it.
	Python string
	// Options go to ray.init, to distributed.Client (with tls_ca_file, tls_client_cert and tls_client_key to its Security), or
	// without an address to distributed.LocalCluster.
	Options map[string]any
	// Task goes with each task: to Ray as to .options (num_cpus, num_gpus, memory, resources, max_retries, scheduling_strategy …), to Dask
	// as to Client.submit (resources, workers, priority, retries …).
	Task map[string]any

	Space   string // the pool's, as shm.Open takes it: where arrays in results become this process's
	Program string // Go binary that has the functions, when it is not this one; built for the nodes' machine
	Worker  Worker
	Output  func(engine.Output) // what functions print, with their results; nil: to this process's standard streams
	// MaxChunk bounds how many calls go in one task of the engine's. 0: so many that a chunk takes about 30 ms, found by measuring.
	MaxChunk int
	// Start bounds how long the engine may take to answer first; 0: two minutes.
	Start time.Duration
}

// Worker is how the processes are started that functions run in.
type Worker struct {
	Python string        // for Python functions; "": the interpreter of the engine's workers
	Import []string      // modules that are imported before a worker is ready
	Path   []string      // put before sys.path
	Env    []string      // KEY=VALUE
	Memory int64         // private bytes a worker may keep after a task before it is replaced; 0 for no limit
	Grace  time.Duration // that a cancelled task has to end before its worker is killed; 0: one second
}

// Sentinels for errors.Is.
var (
	// ErrBridge is what tasks end with when the process that speaks to the engine has died, or the engine is gone.
	ErrBridge = errors.New("the connection to the cluster is lost")
	// ErrEngine is that the engine did not run a task: its worker processes died with it too often, or it has none.
	ErrEngine = errors.New("the engine gave a task up")
)

// BridgeError tells how the connection ended.
type BridgeError struct {
	Kind   Kind
	Why    string
	Stderr []string // the last lines the bridge printed
}

func (e *BridgeError) Error() string {
	s := fmt.Sprintf("atrium: %v (%s): %s", ErrBridge, e.Kind, e.Why)
	for _, l := range e.Stderr {
		s += "\n\t" + l
	}
	return s
}

// Unwrap gives ErrBridge.
func (e *BridgeError) Unwrap() error { return ErrBridge }
