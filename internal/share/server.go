package share

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"example.com/atrium/pickle"
)

// mostClients bounds the connections of a server at once: more are closed.
const mostClients = 1024

// Conn is a connection to a client; *connection.Conn is one.
type Conn interface {
	RecvBytes(ctx context.Context, buf []byte) ([]byte, error)
	SendBytes(ctx context.Context, msg []byte) error
	Poll(ctx context.Context, timeout time.Duration) (bool, error)
	Peer() (pid int, uid uint32, ok bool)
	Close() error
}

// Server serves objects to clients.
type Server struct {
	encoder pickle.Encoder
	busy    sync.WaitGroup // goroutines

	mu       sync.Mutex
	closed   bool
	clients  int
	sessions map[string]*session
	objects  map[int]*entry
	numbers  map[any]int // by Handle.Key
	last     int         // number
	tidyAt   int         // objects
}

type entry struct {
	Opened
	uses atomic.Int64 // calls under way, and what sessions have of it; from 0 it goes up under the server's mu only
}

// fewObjects is how many a server has before it looks which of them nobody needs any more.
const fewObjects = 64

// NewServer makes a server. marshal, which may be nil, is the Encoder's for answers.
func NewServer(marshal func(pickle.Marshaler) (any, error)) *Server {
	return &Server{encoder: pickle.Encoder{Marshal: marshal}, sessions: map[string]*session{}, objects: map[int]*entry{}, numbers: map[any]int{},
		last: -1, tidyAt: fewObjects}
}

// Add opens the object of a handle, unless it has it already, and gives its number, the first is 0. It stays open until Close, or until the
// server is the only one that has it open and gets many others.
func (s *Server) Add(h *Handle) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, errors.New("closed")
	}
	if n, ok := s.numbers[h.Key]; ok {
		return n, nil
	}
	o, err := h.Open()
	if err != nil {
		return 0, err
	}
	if len(s.objects) >= s.tidyAt {
		s.tidy()
		s.tidyAt = max(fewObjects, 2*len(s.objects))
	}
	s.last++
	s.objects[s.last] = &entry{Opened: o}
	s.numbers[h.Key] = s.last
	return s.last, nil
}

// tidy closes objects that nobody else has open and nobody uses. The caller holds mu.
func (s *Server) tidy() {
	for key, n := range s.numbers {
		if e := s.objects[n]; e.uses.Load() == 0 && e.Alone() {
			_ = e.Close() // nobody is there to be told
			delete(s.objects, n)
			delete(s.numbers, key)
		}
	}
}

// Close closes the objects. Every Serve has returned, and comes to nothing later.
func (s *Server) Close() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, e := range s.objects {
		err = errors.Join(err, e.Close())
	}
	clear(s.objects)
	return err
}

// use gives an object, for a call whose answer ends with uses.Add(-1) when it is settled; nil when there is none.
func (s *Server) use(n int64) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.objects[int(n)]
	if e != nil {
		e.uses.Add(1)
	}
	return e
}

// Serve serves the clients that accept gives, until that fails, which it does at the end of ctx at the latest; it gives that
// error. When it returns all connections are closed, and no goroutine of it is left. Call it once.
func (s *Server) Serve(ctx context.Context, accept func(context.Context) (Conn, error)) error {
	ctx, stop := context.WithCancel(ctx)
	defer s.busy.Wait()
	defer stop()
	for {
		conn, err := accept(ctx)
		if err != nil {
			return err
		}
		if !s.admit(1) {
			_ = conn.Close()
			continue
		}
		s.busy.Go(func() {
			defer s.admit(-1)
			s.talk(ctx, conn)
		})
	}
}

// admit counts clients; false when there are too many.
func (s *Server) admit(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients+n > mostClients {
		return false
	}
	s.clients += n
	return true
}
