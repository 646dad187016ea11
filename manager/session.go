package manager

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"example.com/atrium/connection"
	"example.com/atrium/ndarray"
	"example.com/atrium/pickle"
)

// A session is one connection whose client calls methods: a thread of a Python process. What Python's manager keeps for its own threads, such as who
// has an RLock, is the session's here.
type session struct {
	server  *Server
	conn    *connection.Conn
	process *process
	name    string // that the client gave: its process and thread

	ahead     [][]byte // requests that came while a call waited
	aheadSize int
	lost      error // how the connection ended meanwhile

	undo     func()                // of the last call
	answered func()                // ends what was kept until the last call's answer was made
	held     map[releaser]struct{} // locks and permits it may have; only its own goroutine touches it
	in       []byte                // buffers
	out      []byte

	replies []byte // that were not sent yet: see send

	number uint64 // it is the server's how manieth
	began  time.Time
	tally  tally
	waited bool // the call has
	waits  atomic.Pointer[standstill]
}

// A releaser takes back all that a session has of it, when it ends.
type releaser interface{ release(s *session) }

// receive serves a connection: a request to the server itself, after which it is over, or a session.
func (s *Server) receive(conn *connection.Conn) {
	ctx, done := context.WithTimeout(s.ctx, requestPatience)
	msg, err := conn.RecvBytes(ctx, nil)
	done()
	if err != nil {
		return
	}
	c := &session{server: s, conn: conn, process: s.objects.processOf(conn)}
	s.counts.requests.Add(1)
	name, serves, reply := c.control(msg)
	sending, sent := s.patience()
	err = conn.SendBytes(sending, reply)
	sent()
	if err != nil || !serves {
		s.objects.watch(c.process)
		return
	}
	c.name = name
	c.process = s.objects.join(c.process)
	s.counts.begin(c)
	c.serve()
	s.counts.end(c)
	c.end()
	s.objects.leave(c.process)
}

// serve answers calls until the connection ends.
func (c *session) serve() {
	for {
		msg, err := c.next()
		if err != nil {
			_ = c.flush() // when the server ends, the client is there still; of these nothing can be taken back
			// Of a Unix socket the kernel tells when it was closed with something in it that nobody had read.
			if _, _, local := c.conn.Peer(); local && errors.Is(err, syscall.ECONNRESET) {
				c.takeBack()
			}
			return
		}
		c.undo = nil
		since := c.clock()
		reply, err := c.answer(msg)
		if err != nil {
			return // who asked is gone
		}
		if c.send(reply) != nil {
			c.takeBack() // the end of it at least is still here
			return
		}
		c.through(since, msg, reply)
		c.in, c.out = kept(msg), kept(reply)
	}
}

func kept(b []byte) []byte {
	if cap(b) > keptBuffer {
		return nil
	}
	return b[:0]
}

// next is the next request.
func (c *session) next() ([]byte, error) {
	if c.server.ctx.Err() != nil { // what was read ahead is not under way
		return nil, errClosing
	}
	if len(c.ahead) > 0 {
		msg := c.ahead[0]
		c.ahead = c.ahead[1:]
		c.aheadSize -= len(msg) + perMessage
		return msg, nil
	}
	if c.lost != nil {
		return nil, c.lost
	}
	return c.conn.RecvBytes(c.server.ctx, c.in)
}

func (c *session) takeBack() {
	if c.undo != nil {
		c.undo()
		c.undo = nil
	}
}

// end gives back what the session has, where that is asked for.
func (c *session) end() {
	for r := range c.held {
		r.release(c)
	}
}

// hold notes that the session has something, where anybody will ask.
func (c *session) hold(r releaser) {
	if !c.server.conf.ReleaseLocks {
		return
	}
	if c.held == nil {
		c.held = map[releaser]struct{}{}
	}
	c.held[r] = struct{}{}
}

// answer does what is asked for. The error says that nobody is there to be answered; all else is in the answer.
func (c *session) answer(msg []byte) (reply []byte, err error) {
	defer c.settle()
	defer func() {
		if r := recover(); r != nil {
			c.takeBack()
			c.server.conf.Log(c.conn.RemoteAddr(), fmt.Errorf("panic: %v\n%s", r, debug.Stack()))
			reply = c.pack(msg, "#TRACEBACK", c.traceback("a mistake in the manager", raise("SystemError", "%v", r)))
			err = nil
		}
	}()
	kind, payload, err := c.do(msg)
	if err != nil {
		return nil, err
	}
	return c.pack(msg, kind, payload), nil
}

func (c *session) settle() {
	if c.answered != nil {
		c.answered()
		c.answered = nil
	}
}

// do gives the two parts of an answer.
func (c *session) do(msg []byte) (kind string, payload any, err error) {
	if o, method, args := c.quick(msg); o != nil {
		return c.invoke(o, method, args, nil, len(msg))
	}
	asked, err := c.server.read(msg)
	if err != nil {
		return "#TRACEBACK", c.traceback("a request", err), nil
	}
	ident, method, args, kwds, err := request(asked)
	if err != nil {
		return "#TRACEBACK", c.traceback("a request", err), nil
	}
	o, err := c.server.objects.get(ident)
	if err != nil {
		return "#TRACEBACK", c.traceback("a call of "+method, err), nil
	}
	return c.invoke(o, method, args, kwds, len(msg))
}

// invoke calls a method, which a request of so many bytes asks for.
func (c *session) invoke(o *object, method string, args []any, kwds *pickle.Dict, size int) (kind string, payload any, err error) {
	o.calls.Add(1)
	if !o.kind.exposes(method) {
		return c.otherwise(o, method, raise("AttributeError", "method %s of %s object is not one that clients may call", pickle.ReprMax(method, mostText), o.kind.name), args, kwds)
	}
	if slices.Contains(o.kind.adds, method) && c.server.memory.full(size) {
		return "#ERROR", exceptionOf(memoryFull()), nil
	}
	called := &call{server: c.server, session: c, client: c, object: o, method: method, args: args, kwds: kwds}
	v, found, err := o.inst.call(method, called)
	switch {
	case !found:
		return c.otherwise(o, method, raise("AttributeError", "%s object has no method %s", o.kind.name, pickle.ReprMax(method, mostText)), args, kwds)
	case errors.Is(err, errGone), errors.Is(err, errClosing):
		return "", nil, err
	case err != nil:
		return "#ERROR", exceptionOf(err), nil
	}
	c.undo = called.undo
	if result, ok := o.kind.results[method]; ok {
		k := c.server.kinds[result]
		made := c.server.objects.add(k, v.(instance), c.process)
		return "#PROXY", pickle.Tuple{k.list(), newToken(k.name, c.server.Addr(), made.ident)}, nil
	}
	if m, ok := v.(ownObject); ok {
		o := c.server.objects.add(m.kind, m.inst, c.process)
		return "#PROXY", pickle.Tuple{m.kind.list(), newToken(m.kind.name, c.server.Addr(), o.ident)}, nil
	}
	return "#RETURN", v, nil
}

// mostRepr bounds the text of an object.
const mostRepr = 16 << 20

// fallbacks are the names that Python's managers answer themselves, and what they call that.
var fallbacks = map[string]string{"__str__": "fallback_str", "__repr__": "fallback_repr", "#GETVALUE": "fallback_getvalue"}

var fallbackTakes = function(need("conn"), need("ident"), need("obj"))

// otherwise is for what is no method: Python's managers answer three names themselves.
func (c *session) otherwise(o *object, method string, why error, args []any, kwds *pickle.Dict) (string, any, error) {
	if v, known, err := o.change(&call{server: c.server, session: c, method: method, args: args, kwds: kwds}); err != nil {
		return "#ERROR", exceptionOf(err), nil
	} else if known {
		return "#RETURN", v, nil
	}
	if function, ok := fallbacks[method]; ok {
		called := &call{args: append([]any{c, nil, o}, args...), kwds: kwds} // as many as Python's have
		if err := fallbackTakes.bind("Server", function, called); err != nil {
			return "#TRACEBACK", c.traceback("a call of "+method, err), nil
		}
		if method != "#GETVALUE" {
			return "#RETURN", o.inst.repr(mostRepr), nil
		}
		v, err := o.inst.value()
		if err != nil {
			return "#UNSERIALIZABLE", c.traceback("the value of a "+o.kind.name, err), nil
		}
		return "#RETURN", v, nil
	}
	return "#TRACEBACK", c.traceback("a call of "+method, why) + "KeyError: " + pickle.ReprMax(method, mostText) + "\n", nil
}

// exceptionOf is how an error is raised in the client.
func exceptionOf(err error) any {
	var r *thrown
	if errors.As(err, &r) {
		return r.v
	}
	var e *exception
	if !errors.As(err, &e) {
		return pickle.Call("builtins", "RuntimeError", err.Error())
	}
	o := &pickle.Object{Callable: e.class, Args: e.args}
	if e.trace != "" {
		return &pickle.Object{Callable: rebuildException, Args: pickle.Tuple{o, "\n\"\"\"\n" + e.trace + "\"\"\""}}
	}
	return o
}

// traceback is text for RemoteError. Its last line is what Python's would be.
func (c *session) traceback(where string, err error) string {
	return "Traceback (most recent call last):\n  atrium manager at " + c.server.Addr() + ", in " + where + "\n" + err.Error() + "\n"
}

// pack makes an answer, in a pickle protocol that the client writes too.
func (c *session) pack(msg []byte, kind string, payload any) []byte {
	e := pickle.Encoder{Protocol: pickle.DefaultProtocol, Marshal: ndarray.MarshalNumPy}
	if len(msg) > 1 && msg[0] == 0x80 && int(msg[1]) < e.Protocol {
		e.Protocol = max(int(msg[1]), 2)
	}
	if e.Protocol == pickle.DefaultProtocol {
		if reply, ok := quickPack(c.out[:0], kind, payload); ok {
			c.tally.answered(kind)
			return reply
		}
	}
	reply, err := e.Append(c.out[:0], pickle.Tuple{kind, payload})
	if err == nil {
		c.tally.answered(kind)
		return reply
	}
	c.takeBack()
	c.tally.answered("#UNSERIALIZABLE")
	reply, err = e.Append(c.out[:0], pickle.Tuple{"#UNSERIALIZABLE", c.traceback("an answer", err)})
	if err != nil { // two strings
		panic(fmt.Sprint("atrium: an error cannot be pickled: ", err))
	}
	return reply
}
