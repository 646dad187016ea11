package manager

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"time"

	"example.com/atrium/connection"
)

// Server serves objects to clients.
type Server struct {
	conf     Config
	listener *connection.Listener
	kinds    map[string]*kind
	goTypes  map[reflect.Type]*goType // of kinds, by what they are in Go
	objects  *objects
	memory   memory
	pythons  interpreters
	segments segments
	counts   counts

	ctx     context.Context // ends with Close
	stop    context.CancelCauseFunc
	sending context.Context // ends a while later, for answers on their way
	cut     context.CancelFunc
	busy    sync.WaitGroup // connections

	mu      sync.Mutex
	clients int
	serving bool
	closed  bool
}

// ErrCallback is that a callback of a client's pool call raised something, or could not be called.
var ErrCallback = errors.New("a callback")

// ErrMaxClients is why a client was turned away that would have been one more than Config.MaxClients.
var ErrMaxClients = errors.New("closed at once: as many clients as may be (Config.MaxClients) are served already")

// errClosing is why calls end when the server does.
var errClosing = errors.New("the manager is closing")

// Listen makes a server that clients can connect to from now on; Serve answers them. Addresses are those of package connection:
// unix:PATH, abstract:NAME, tcp:HOST:PORT. 0.2 ms. Close it when it is not wanted any more, served or not.
//
// Errors: those of connection.Listen, such as connection.ErrInUse and connection.ErrAuthkey.
func Listen(address string, conf Config) (*Server, error) {
	conf = conf.withDefaults()
	if err := conf.checkPython(); err != nil {
		return nil, err
	}
	s := &Server{conf: conf, kinds: kinds(), goTypes: map[reflect.Type]*goType{}, objects: newObjects(), memory: memory{most: conf.MaxMemory},
		counts: counts{started: time.Now(), sessions: map[*session]struct{}{}}}
	below := conf.connection()
	below.Refused = func(client string, err error) {
		s.counts.away(err)
		conf.Log(client, err)
	}
	var err error
	if s.listener, err = connection.Listen(address, below); err != nil {
		return nil, err
	}
	s.pythons = interpreters{server: s, all: map[*workers]struct{}{}}
	s.ctx, s.stop = context.WithCancelCause(context.Background())
	s.sending, s.cut = context.WithCancel(context.Background())
	return s, nil
}

// Addr is the address as package connection writes it; connection.PythonAddress gives it as Python takes it.
func (s *Server) Addr() string { return s.listener.Addr() }

// Serve answers clients until ctx ends, Close is called, or a client stops the server where that is allowed; then it closes the
// server, and no goroutine of it is left when it returns. A client that dies, is slow, or sends nonsense concerns nobody else. The error is the cause
// of ctx's end, or nil.
func (s *Server) Serve(ctx context.Context) error {
	s.mu.Lock()
	s.serving = true
	s.mu.Unlock()
	sweeping := make(chan struct{})
	go func() {
		defer close(sweeping)
		s.objects.sweep(s.ctx)
	}()
	err := s.accept(ctx)
	closing := s.Close()
	<-sweeping
	if s.ctx.Err() != nil && ctx.Err() == nil {
		err = nil
	}
	return errors.Join(err, closing)
}

func (s *Server) accept(ctx context.Context) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer context.AfterFunc(s.ctx, func() { end(errClosing) })()
	_ = s.listener.Serve(ctx, func(conn *connection.Conn) func() {
		s.counts.connections.Add(1)
		if !s.admit() {
			s.counts.turnedAway[awayFull].Add(1)
			s.conf.Log(conn.RemoteAddr(), ErrMaxClients)
			_ = conn.Close()
			return nil
		}
		return func() {
			defer s.dismiss()
			defer conn.Close()
			s.receive(conn)
		}
	})
	return context.Cause(ctx)
}

func (s *Server) admit() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.clients >= s.conf.MaxClients {
		return false
	}
	s.clients++
	s.busy.Add(1)
	return true
}

func (s *Server) dismiss() {
	s.mu.Lock()
	s.clients--
	s.mu.Unlock()
	s.busy.Done()
}

// patience is how long an answer may be on its way: as long as the client likes, until the server ends, and then for a second more. What is
// computed for longer than that after the end still has its second.
func (s *Server) patience() (context.Context, context.CancelFunc) {
	if s.ctx.Err() == nil {
		return s.sending, func() {}
	}
	return context.WithTimeout(context.Background(), drainPatience)
}

// Close ends the server: nobody can connect any more, calls that wait end, those under way finish and are answered, for which a
// client has a second; then connections are closed, which clients see as EOFError. The objects are gone. Again is nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	err := s.listener.Close()
	s.stop(errClosing)
	late := time.AfterFunc(drainPatience, s.cut)
	s.busy.Wait()
	late.Stop()
	s.cut()
	return errors.Join(err, s.pythons.close(), s.segments.close())
}
