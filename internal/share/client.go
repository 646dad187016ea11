package share

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"syscall"

	"example.com/atrium/pickle"
)

// limits are of what a client asks for; the connection bounds its length.
var limits = pickle.Limits{MaxDepth: 1000}

// keptBuffer bounds the memory that an idle client costs.
const keptBuffer = 64 << 10

// client is one connection, as its goroutine sees it.
type client struct {
	server  *Server
	conn    Conn
	session *session
	asked   bool // for something else than its session

	// Of the last answer:
	of   *entry   // whose it is, or nil
	undo []func() // for a client that did not receive it
	then []func() // for one that has made use of it
}

// talk serves one client until its connection ends.
func (s *Server) talk(ctx context.Context, conn Conn) {
	c := &client{server: s, conn: conn, session: &session{}}
	if unread := c.serve(ctx); unread {
		c.takeBack()
	}
	c.settle()
	c.leave()
	_ = conn.Close()
}

// serve answers what comes, and tells at the end whether the last answer is certain not to have been received.
func (c *client) serve(ctx context.Context) (unread bool) {
	var buf []byte
	for {
		msg, err := c.conn.RecvBytes(ctx, buf)
		if err != nil {
			// Of a Unix socket the kernel tells when it was closed with something in it that nobody had read.
			_, _, local := c.conn.Peer()
			return local && errors.Is(err, syscall.ECONNRESET)
		}
		c.settle()
		answer := c.reply(ctx, msg)
		if c.conn.SendBytes(ctx, answer) != nil {
			return true // the end of it at least is still here
		}
		if buf = msg; cap(buf) > keptBuffer {
			buf = nil
		}
	}
}

// takeBack undoes the last answer, the newest first.
func (c *client) takeBack() {
	for i := len(c.undo) - 1; i >= 0; i-- {
		c.undo[i]()
	}
	c.undo = nil
}

// settle ends what was kept for the last answer.
func (c *client) settle() {
	for _, fn := range c.then {
		fn()
	}
	clear(c.undo)
	clear(c.then)
	c.undo, c.then = c.undo[:0], c.then[:0]
	if c.of != nil {
		c.of.uses.Add(-1)
		c.of = nil
	}
}

// reply does what is asked for and gives the answer. Where that cannot be sent the client gets an error in place of what it was
// given, which is taken back.
func (c *client) reply(ctx context.Context, msg []byte) (answer []byte) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil { // of a value's own methods: nobody else's concern
			c.takeBack()
			answer = refusal(fmt.Errorf("panic: %v", r))
		}
	}()
	v, err := c.do(ctx, msg)
	if err != nil {
		return refusal(err)
	}
	answer, err = c.server.encoder.Append(nil, pickle.Tuple{"ok", v})
	if err != nil {
		c.takeBack()
		return refusal(Raise("TypeError", "the answer cannot be sent to Python: %v", err))
	}
	return answer
}

// refusal is the answer that raises an exception.
func refusal(err error) []byte {
	var e *Exception
	if !errors.As(err, &e) {
		e = &Exception{"builtins", "RuntimeError", err.Error()}
	}
	raise := pickle.Call(e.Module, e.Name)
	if e.Text != "" {
		raise.Args = pickle.Tuple{e.Text}
	}
	b, err := pickle.Marshal(pickle.Tuple{"error", raise})
	if err != nil { // three strings
		panic(fmt.Sprint("atrium: an exception cannot be pickled: ", err))
	}
	return b
}

// do does what is asked for. A request is (method, …), or (number, method, …) where there are several objects.
func (c *client) do(ctx context.Context, msg []byte) (any, error) {
	asked, err := pickle.Decoder{Limits: limits}.Decode(msg)
	if err != nil {
		return nil, Raise("ValueError", "this is no request: %v", err)
	}
	call := &Call{ctx: ctx, client: c}
	switch r := asked.(type) {
	case pickle.Tuple:
		call.Args = r
	case *pickle.List:
		call.Args = r.Items
	}
	number := int64(0)
	if len(call.Args) > 0 {
		if n, ok := call.Args[0].(int64); ok {
			number, call.Args = n, call.Args[1:]
		}
	}
	if len(call.Args) == 0 {
		return nil, Raise("TypeError", "a request is a tuple of a method's name and its arguments, such as ('get',), not %s", pickle.ReprMax(asked, 100))
	}
	method, ok := call.Args[0].(string)
	if !ok {
		return nil, Raise("TypeError", "a method's name is a str, not %s", pickle.ReprMax(call.Args[0], 100))
	}
	call.Method, call.Args = method, call.Args[1:]
	if method == "session" {
		if len(call.Args) == 1 {
			if name, ok := call.Args[0].(pickle.Bytes); ok {
				return nil, c.join(string(name))
			}
		}
		return nil, Raise("TypeError", "a session has a name of bytes")
	}
	c.asked = true
	if call.entry = c.server.use(number); call.entry == nil {
		return nil, Raise("ValueError", "there is no object %d, or not any more: the Go program has closed it", number)
	}
	c.of = call.entry
	return call.entry.Object.Do(call)
}
