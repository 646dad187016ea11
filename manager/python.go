package manager

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"example.com/atrium/engine"
	"example.com/atrium/engine/local"
	"example.com/atrium/internal/sys"
	"example.com/atrium/pickle"
	child "example.com/atrium/process"
	program "example.com/atrium/python"
	"example.com/atrium/shm"
)

// interpreters are all Python processes of a server. Nothing of Python's runs anywhere else.
type interpreters struct {
	server *Server

	mu      sync.Mutex
	space   *shm.Space // opened when the first are started
	all     map[*workers]struct{}
	pooled  int      // processes of pools
	own     *workers // for what is no pool's
	closed  bool
	ending  sync.WaitGroup // of pools
	writing sync.Mutex     // of Config.Output
}

// workers are Python processes that do what clients ask for: those of a pool, or the server's own.
type workers struct {
	server *Server
	engine *local.Engine
	n      int
	pooled bool
}

// checkPython finds what the processes need before there are clients.
func (c *Config) checkPython() error {
	if c.Python == "" {
		return nil
	}
	if err := child.Ready(); err != nil {
		return err
	}
	var err error
	if c.Python, err = child.Interpreter(c.Python); err != nil {
		return err
	}
	if c.Main == "" {
		return nil
	}
	if c.Main, err = filepath.Abs(c.Main); err != nil {
		return fmt.Errorf("atrium: the clients' script: %w", err)
	}
	switch st, err := os.Stat(c.Main); {
	case err != nil:
		return fmt.Errorf("atrium: the clients' script: %w", err)
	case st.IsDir():
		return fmt.Errorf("atrium: the clients' script %s is a directory", c.Main)
	}
	return nil
}

// start makes n processes. initializer is the pickle of a pair, a callable and its arguments, that each calls first, or nil; calls is after how many
// each is replaced, 0 for never.
func (p *interpreters) start(n int, initializer []byte, calls int64, pooled bool) (*workers, error) {
	conf := &p.server.conf
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return nil, errClosing
	case pooled && p.pooled+n > conf.MaxWorkers:
		return nil, tooManyWorkers(int64(n), conf.MaxWorkers)
	}
	if p.space == nil {
		space, err := shm.Open(conf.Space)
		if err != nil {
			return nil, err
		}
		p.space = space
	}
	arg, err := pickle.Encoder{}.Append(nil, pickle.Tuple{bytesOrNone(conf.Authkey), conf.Main, calls, bytesOrNone(initializer)})
	if err != nil {
		return nil, err
	}
	e, err := local.New(local.Config{Workers: n, Threads: max(1, sys.CPUs()/n), Space: p.space, Python: conf.Python, Output: p.print,
		Begin: &engine.Begin{Module: managerModule, Source: program.Manager, Arg: arg}})
	if err != nil {
		return nil, err
	}
	w := &workers{server: p.server, engine: e, n: n, pooled: pooled}
	p.all[w] = struct{}{}
	if pooled {
		p.pooled += n
	}
	return w, nil
}

func bytesOrNone(b []byte) any {
	if b == nil {
		return nil
	}
	return pickle.Bytes(b)
}

const managerModule = "atrium_manager"

// helpers are the server's own, for callables that are no pool's.
func (s *Server) helpers(what string) (*workers, error) {
	if err := s.needPython(what); err != nil {
		return nil, err
	}
	p := &s.pythons
	p.mu.Lock()
	w := p.own
	p.mu.Unlock()
	if w != nil {
		return w, nil
	}
	w, err := p.start(sys.CPUs(), nil, 0, false)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.own != nil { // another was faster
		p.end(w, (*local.Engine).Terminate)
		return p.own, nil
	}
	p.own = w
	return w, nil
}

// stopping ends the processes in the background; the channel is closed when they are gone.
func (w *workers) stopping(how func(*local.Engine) error) <-chan struct{} {
	p := &w.server.pythons
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.end(w, how)
}

// end ends processes in the background, and then gives their places to others. The caller holds mu.
func (p *interpreters) end(w *workers, how func(*local.Engine) error) <-chan struct{} {
	done := make(chan struct{})
	p.ending.Add(1)
	go func() {
		defer p.ending.Done()
		defer close(done)
		if err := how(w.engine); err != nil {
			p.server.conf.Log(p.server.Addr(), fmt.Errorf("ending Python processes: %w", err))
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if _, there := p.all[w]; there && w.pooled {
			p.pooled -= w.n
		}
		delete(p.all, w)
	}()
	return done
}

// close ends all of them. Again is nothing.
func (p *interpreters) close() error {
	p.mu.Lock()
	p.closed = true
	for w := range p.all {
		p.end(w, (*local.Engine).Terminate)
	}
	space := p.space
	p.space = nil
	p.mu.Unlock()
	p.ending.Wait()
	if space == nil {
		return nil
	}
	_, err := space.Sweep()
	return errors.Join(err, space.Close())
}

func (p *interpreters) print(o engine.Output) {
	p.writing.Lock()
	defer p.writing.Unlock()
	_, _ = io.WriteString(p.server.conf.Output, fmt.Sprintf("[python %d] %s\n", o.Pid, o.Text)) // nobody is there to be told
}
