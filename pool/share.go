package pool

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"example.com/atrium/connection"
	"example.com/atrium/internal/share"
	"example.com/atrium/pickle"
)

// shared is how Python workers use queues and locks of this process: each asks over a Unix socket.
type shared struct {
	mu     sync.Mutex
	closed bool
	server *share.Server // nil until the first is handed to a worker
	listen *connection.Listener
	name   string // of the socket, without what makes it abstract
	key    pickle.Bytes
	served chan struct{} // closed when serving has ended
	stop   context.CancelFunc
}

// hand makes of a queue or a lock in the arguments of a call what a worker uses it by.
func (p *Pool) hand(m pickle.Marshaler) (any, error) {
	h, ok := m.(*share.Handle)
	if !ok {
		return m.MarshalPickle()
	}
	if p.carried {
		return nil, fmt.Errorf("%w: queues and locks are shared on one machine; the workers of this pool may be on others", errors.ErrUnsupported)
	}
	s := &p.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.start(); err != nil {
		return nil, fmt.Errorf("cannot serve it: %w", err)
	}
	n, err := s.server.Add(h)
	if err != nil {
		return nil, err
	}
	return pickle.Call("atrium_worker", h.Class, "\x00"+s.name, s.key, int64(n)), nil
}

// start begins to listen. The caller holds mu.
func (s *shared) start() error {
	if s.closed {
		return ErrClosed
	}
	if s.server != nil {
		return nil
	}
	s.name, s.key = "atrium-"+rand.Text(), pickle.Bytes(rand.Text())
	l, err := connection.Listen("abstract:"+s.name, connection.Config{Authkey: s.key})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	server := share.NewServer(nil)
	s.listen, s.server, s.stop, s.served = l, server, stop, make(chan struct{})
	go func() {
		defer close(s.served)
		_ = server.Serve(ctx, func(ctx context.Context) (share.Conn, error) { return l.Accept(ctx) }) // ends with ctx
	}()
	return nil
}

// close ends the serving. The workers are gone.
func (s *shared) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.server == nil {
		return nil
	}
	s.stop()
	<-s.served
	return errors.Join(s.listen.Close(), s.server.Close())
}
