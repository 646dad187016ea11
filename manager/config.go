package manager

import (
	"io"
	"os"
	"time"

	"example.com/atrium/connection"
	"example.com/atrium/pickle"
)

// Config is what Listen is told. The zero value authenticates nobody, which is refused for TCP.
type Config struct {
	// Authkey is the secret that clients have too: Python's authkey=. nil means no authentication, and Python's managers always
	// want one.
	Authkey []byte
	// RefuseMD5 refuses clients of CPython before 3.12, whose handshake rests on MD5.
	RefuseMD5 bool
	// MaxMessage is the longest request, in bytes; default 1 GiB. Memory is allocated as bytes come. A client that sends a
	// longer one is disconnected. At most MaxMemory.
	MaxMessage int
	// MaxClients is how many connections are served at once; default 4,096. Others are closed at once. A Python process has one
	// for each thread that calls methods, and others for moments.
	MaxClients int
	// MaxMemory bounds the memory of this process, in bytes: while its heap is larger, calls that would add something fail with
	// MemoryError. It is looked at now and then, so that it may be exceeded by some requests. 0 is no bound.
	MaxMemory int64
	// ReleaseLocks has the locks, RLocks and permits that a connection acquired, and has not given back, released when it
	// ends. Python keeps them, and there are programs that acquire in one process and release in another.
	ReleaseLocks bool
	// AllowShutdown lets clients stop the server as they stop a manager of their own.
	AllowShutdown bool
	// Python is the interpreter, a path or a name, of the processes in which Python code runs that clients name: the functions of
	// their pools, a list's sort key, a barrier's action. Whoever has the authkey can then have this user run anything, as with a manager
	// that Python runs. "" runs nothing: such calls raise NotImplementedError. Needs atrium.Main.
	Python string
	// Main is the script that those processes load as a child of multiprocessing loads its parent's, so that functions of the clients'
	// __main__ are found: under the name __mp_main__, and with its directory first on sys.path. "" is none.
	Main string
	// MaxWorkers is how many processes the pools of all clients have together; default 64. Each pool has one for each core
	// unless its client says otherwise.
	MaxWorkers int
	// Space is the shared memory that those processes are looked after with, as shm.Open takes it.
	Space string
	// Output is where what they print goes, line by line; default this process's standard error.
	Output io.Writer
	// AllowUIDs are other users whose processes may be clients on a Unix socket.
	AllowUIDs []uint32
	// Log, if any, is told of clients that were turned away, and of mistakes in this package. Several goroutines may call it; it
	// must not call the Server's Close.
	Log func(client string, err error)
}

func (c Config) withDefaults() Config {
	if c.MaxMessage <= 0 {
		c.MaxMessage = 1 << 30
	}
	if c.MaxMemory > 0 {
		c.MaxMessage = int(min(int64(c.MaxMessage), c.MaxMemory))
	}
	if c.MaxClients <= 0 {
		c.MaxClients = 4096
	}
	if c.MaxWorkers <= 0 {
		c.MaxWorkers = 64
	}
	if c.Output == nil {
		c.Output = os.Stderr
	}
	if c.Log == nil {
		c.Log = func(string, error) {}
	}
	return c
}

func (c Config) connection() connection.Config {
	return connection.Config{Authkey: c.Authkey, RefuseMD5: c.RefuseMD5, MaxMessage: c.MaxMessage, AllowUIDs: c.AllowUIDs, Refused: c.Log,
		MaxHandshakes: min(c.MaxClients, 256)}
}

// limits are of what a request decodes to, which may be a hundred times as large as the request.
func (c Config) limits() pickle.Limits {
	l := pickle.Limits{MaxDepth: 1000}
	if c.MaxMemory > 0 {
		l.MaxItems = int(min(c.MaxMemory/bytesPerItem+1000, 64<<20))
	}
	return l
}

// bytesPerItem is about what a small element of a request costs.
const bytesPerItem = 64

const (
	// requestPatience is how long a connection may be silent before its first request.
	requestPatience = 30 * time.Second
	// drainPatience is how long a client may take to read its last answer when the server ends.
	drainPatience = time.Second
	// keptBuffer bounds the memory that an idle connection keeps for the next message.
	keptBuffer = 16 << 10
	// mostAhead bounds what is read of a client that sends while it waits, each message being as large as it is and perMessage.
	mostAhead  = 64 << 10
	perMessage = 64
)
