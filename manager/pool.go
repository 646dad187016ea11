package manager

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"example.com/atrium/engine"
	"example.com/atrium/engine/local"
	"example.com/atrium/internal/sys"
	"example.com/atrium/pickle"
)

var poolMethodNames = []string{"apply", "apply_async", "close", "imap", "imap_unordered", "join", "map", "map_async", "starmap", "starmap_async", "terminate"}

var poolKind = kind{
	name: "Pool", exposed: poolMethodNames, create: newPool,
	results: map[string]string{"apply_async": "AsyncResult", "map_async": "AsyncResult", "starmap_async": "AsyncResult", "imap": "Iterator", "imap_unordered": "Iterator"},
	adds:    []string{"apply", "apply_async", "imap", "imap_unordered", "map", "map_async", "starmap", "starmap_async"},
}

// pool is a multiprocessing.Pool. What it was asked for is done also when nobody has a reference to it any more; then its processes end.
type pool struct {
	*workers
	initargs any // whose objects live as long as the pool

	mu    sync.Mutex
	state string
	ended <-chan struct{} // closed when its processes are gone
}

// The states of a pool, as Python calls them.
const (
	running    = "RUN"
	closed     = "CLOSE"
	terminated = "TERMINATE"
)

var poolTakes = function(optional("processes", nil), optional("initializer", nil), optional("initargs", pickle.Tuple{}), optional("maxtasksperchild", nil),
	optional("context", nil))

func newPool(c *call) (instance, error) {
	if err := poolTakes.bind("Pool", "__init__", c); err != nil {
		return nil, err
	}
	if err := c.server.needPython("a Pool"); err != nil {
		return nil, err
	}
	n, err := poolSize(c.args[0], c.server.conf.MaxWorkers)
	if err != nil {
		return nil, err
	}
	var each int64
	if c.args[3] != nil {
		var ok bool
		if each, ok, _ = integer(c.args[3]); !ok || each <= 0 {
			return nil, valueError("maxtasksperchild must be a positive int or None")
		}
	}
	var initializer []byte
	if c.args[1] != nil {
		if !callable(c.args[1]) {
			return nil, typeError("initializer must be a callable")
		}
		if initializer, err = (pickle.Encoder{}).Append(nil, pickle.Tuple{c.args[1], c.args[2]}); err != nil {
			return nil, err
		}
	}
	w, err := c.server.pythons.start(n, initializer, each, true)
	if err != nil {
		return nil, err
	}
	w.engine.Start(engine.Python)
	return &pool{workers: w, initargs: c.args[2], state: running}, nil
}

// poolSize is how many processes a pool is to have.
func poolSize(v any, most int) (int, error) {
	if v == nil {
		return sys.CPUs(), nil
	}
	f, ok := real64(v)
	switch {
	case !ok:
		return 0, notOrdered("<", v, int64(1))
	case f < 1:
		return 0, valueError("Number of processes must be at least 1")
	case f > float64(most):
		return 0, tooManyWorkers(v, most)
	}
	n, _, err := integer(v)
	return int(n), err
}

func tooManyWorkers(n any, most int) error {
	return raise("RuntimeError", "a pool of %s processes, and with those of other pools the manager starts at most %d: see Config.MaxWorkers", pickle.ReprMax(n, mostText), most)
}

// needPython refuses what cannot be done without an interpreter.
func (s *Server) needPython(what string) error {
	if s.conf.Python == "" {
		return raise("NotImplementedError", "%s runs Python code, and this manager was given no interpreter for that: see atrium serve --python, Config.Python", what)
	}
	return nil
}

// callable tells whether Python code may be what v is.
func callable(v any) bool {
	switch v.(type) {
	case pickle.Class, *pickle.Object:
		return true
	}
	return false
}

func (p *pool) value() (any, error) {
	return nil, raise("NotImplementedError", "pool objects cannot be passed between processes or pickled")
}

func (p *pool) repr(int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprintf("<multiprocessing.pool.Pool state=%s pool_size=%d>", p.state, p.n)
}

func (p *pool) call(name string, c *call) (any, bool, error) { return poolMethods.call(p, name, c) }

var (
	mapTakes      = []param{need("func"), need("iterable"), optional("chunksize", nil)}
	imapTakes     = []param{need("func"), need("iterable"), optional("chunksize", int64(1))}
	applyTakes    = []param{need("func"), optional("args", pickle.Tuple{}), optional("kwds", pickle.NewDict())}
	callbackTakes = []param{optional("callback", nil), optional("error_callback", nil)}

	poolMethods = methods[*pool]{class: "Pool", of: map[string]method[*pool]{
		"apply":          {function(applyTakes...), func(p *pool, c *call) (any, error) { return p.wait(c, (*pool).apply) }},
		"apply_async":    {function(append(applyTakes[:3:3], callbackTakes...)...), func(p *pool, c *call) (any, error) { return p.started(c, (*pool).apply) }},
		"map":            {function(mapTakes...), func(p *pool, c *call) (any, error) { return p.wait(c, (*pool).plain) }},
		"map_async":      {function(append(mapTakes[:3:3], callbackTakes...)...), func(p *pool, c *call) (any, error) { return p.started(c, (*pool).plain) }},
		"starmap":        {function(mapTakes...), func(p *pool, c *call) (any, error) { return p.wait(c, (*pool).star) }},
		"starmap_async":  {function(append(mapTakes[:3:3], callbackTakes...)...), func(p *pool, c *call) (any, error) { return p.started(c, (*pool).star) }},
		"imap":           {function(imapTakes...), func(p *pool, c *call) (any, error) { return p.imap(c, true) }},
		"imap_unordered": {function(imapTakes...), func(p *pool, c *call) (any, error) { return p.imap(c, false) }},
		"close":          {function(), func(p *pool, _ *call) (any, error) { p.end(); return nil, nil }},
		"terminate":      {function(), (*pool).terminate},
		"join":           {function(), (*pool).join},
	}}
)

// started begins something and gives its result for later.
func (p *pool) started(c *call, begin func(*pool, *call) (*result, error)) (any, error) {
	if err := p.running(); err != nil {
		return nil, err
	}
	r, err := begin(p, c)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// wait begins something and waits for it.
func (p *pool) wait(c *call, begin func(*pool, *call) (*result, error)) (any, error) {
	if err := p.running(); err != nil {
		return nil, err
	}
	r, err := begin(p, c)
	if err != nil {
		return nil, err
	}
	if _, err := c.wait(r.ready, forever); err != nil {
		return nil, err
	}
	return r.v, r.err
}

func (p *pool) running() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state != running {
		return valueError("Pool not running")
	}
	return nil
}

// end lets the processes end when they have done all that was asked for. It is called when the last reference is gone, too.
func (p *pool) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == running {
		p.state = closed
		p.ended = p.stopping(func(e *local.Engine) error {
			defer runtime.KeepAlive(p)
			return e.Close(context.Background())
		})
	}
}

func (p *pool) terminate(c *call) (any, error) {
	p.mu.Lock()
	p.state = terminated
	ended := p.stopping((*local.Engine).Terminate)
	p.ended = ended
	p.mu.Unlock()
	_, err := c.wait(ended, forever)
	return nil, err
}

func (p *pool) join(c *call) (any, error) {
	p.mu.Lock()
	ended := p.ended
	p.mu.Unlock()
	if ended == nil {
		return nil, valueError("Pool is still running")
	}
	_, err := c.wait(ended, forever)
	return nil, err
}
