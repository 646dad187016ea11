package manager

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.com/atrium/connection"
	"example.com/atrium/pickle"
)

// Client calls the objects of a manager: a Server, atrium serve, or one that CPython runs. All methods, of its proxies too, may be
// called by several goroutines.
//
// A call has a connection to itself while it lasts, so that one that waits holds nobody up; connections are kept for the
// next calls. To Python's eye each is a thread.
//
// Every call ends with its context. One that waits, such as Queue.Get, and is ended by a deadline, takes nothing, and on a Unix socket one
// that is cancelled does not either; over TCP what was given to it in the same instant is lost. When the manager dies, or closes,
// every call ends at once with ErrGone.
type Client struct {
	address string
	conf    connection.Config
	token   any  // the address as Python writes it in tokens
	atrium  bool // the manager is a Server, and has what CPython's lack

	mu     sync.Mutex
	closed bool
	idle   []*link
	links  map[*link]struct{} // all that are open
	refs   map[string]int     // references to objects, by ident

	late sync.WaitGroup // calls that were given up, of managers that do not see that
}

// mostIdle bounds the connections that are kept for later calls.
const mostIdle = 64

// Dial connects to a manager, and checks that it is one. Addresses and configuration are those of connection.Dial; Python's
// managers always have an authkey. 0.2 ms. Close it when it is not wanted any more.
//
// Errors: those of connection.Dial.
func Dial(ctx context.Context, address string, conf connection.Config) (*Client, error) {
	c := &Client{address: address, conf: conf, links: map[*link]struct{}{}, refs: map[string]int{}}
	_, err := c.control(ctx, "#ATRIUM")
	var raised *RemoteError
	if errors.As(err, &raised) { // of a manager that does not know it
		_, err = c.control(ctx, "dummy")
	} else if err == nil {
		c.atrium = true
	}
	if err != nil {
		return nil, err
	}
	c.token = pythonAddress(address)
	return c, nil
}

// pythonAddress is how Python writes an address, as a value.
func pythonAddress(address string) any {
	scheme, name, _ := strings.Cut(address, ":")
	switch scheme {
	case "abstract":
		return "\x00" + name
	case "tcp":
		host, port, err := net.SplitHostPort(name)
		if n, err2 := strconv.Atoi(port); err == nil && err2 == nil {
			return pickle.Tuple{host, n}
		}
	}
	if path, err := filepath.Abs(name); err == nil {
		name = path
	}
	return name
}

// Close ends all connections, and calls that wait with ErrClosed, and gives back the references of all proxies. What other
// clients have no reference to is gone then. It waits up to 5 s for the manager. Again is nothing.
func (c *Client) Close() error {
	c.mu.Lock()
	refs := c.refs
	c.closed, c.refs, c.idle = true, nil, nil
	links := make([]*link, 0, len(c.links))
	for l := range c.links {
		links = append(links, l)
	}
	c.mu.Unlock()
	for _, l := range links {
		_ = l.conn.Close() // whose error nobody could use
	}
	c.late.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	for ident, n := range refs {
		for range n {
			var raised *RemoteError
			if _, err := c.request(ctx, "decref", pickle.Tuple{ident}, nil); err != nil && !errors.As(err, &raised) {
				return nil // the manager is gone, and the references with it
			}
		}
	}
	return nil
}

const closePatience = 5 * time.Second

// control asks the manager itself for something.
func (c *Client) control(ctx context.Context, method string, args ...any) (any, error) {
	if c.isClosed() {
		return nil, c.failed(method, connection.ErrClosed)
	}
	v, err := c.request(ctx, method, args, nil)
	return v, c.failed(method, err)
}

func (c *Client) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// request is control on a connection of its own.
func (c *Client) request(ctx context.Context, method string, args []any, kwds *pickle.Dict) (any, error) {
	conn, err := connection.Dial(ctx, c.address, c.conf)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	l := &link{client: c, conn: conn}
	return l.ask(ctx, nil, method, args, kwds)
}

// failed wraps an error of a call.
func (c *Client) failed(op string, err error) error {
	if err == nil {
		return nil
	}
	var have *connection.Error
	if errors.As(err, &have) && errors.Is(err, connection.ErrClosed) {
		err = connection.ErrClosed
	}
	return &connection.Error{Op: op, Name: c.address, Err: err}
}

// name is what the manager calls a connection: what Python makes of a process and a thread.
var name = sync.OnceValue(func() string {
	return fmt.Sprintf("%s-%d", filepath.Base(os.Args[0]), os.Getpid())
})

// take gives a connection for a call, or several.
func (c *Client) take(ctx context.Context) (*link, error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, connection.ErrClosed
	}
	if n := len(c.idle); n > 0 {
		l := c.idle[n-1]
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		return l, nil
	}
	c.mu.Unlock()
	conn, err := connection.Dial(ctx, c.address, c.conf)
	if err != nil {
		return nil, err
	}
	l := &link{client: c, conn: conn}
	if _, err := l.ask(ctx, nil, "accept_connection", pickle.Tuple{name()}, nil); err != nil {
		_ = conn.Close()
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = conn.Close()
		return nil, connection.ErrClosed
	}
	c.links[l] = struct{}{}
	return l, nil
}

// give takes a connection back. One that failed is closed, and those that nobody uses with it: what it failed of is most likely the
// manager's end.
func (c *Client) give(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
	case l.failed != nil:
		if errors.Is(l.failed, ErrGone) {
			for _, other := range c.idle {
				c.drop(other)
			}
			c.idle = nil
		}
		c.drop(l)
	case len(c.idle) == mostIdle:
		c.drop(l)
	default:
		c.idle = append(c.idle, l)
	}
}

// drop closes a connection. The caller holds mu.
func (c *Client) drop(l *link) {
	delete(c.links, l)
	if l.lent {
		return
	}
	_ = l.conn.Close() // whose error nobody could use
}

// Keywords, as the last argument of Call or New, are Python's keyword arguments.
type Keywords map[string]any

// split takes the keywords from arguments.
func split(args []any) ([]any, *pickle.Dict) {
	if len(args) == 0 {
		return args, nil
	}
	given, ok := args[len(args)-1].(Keywords)
	if !ok {
		return args, nil
	}
	kwds := pickle.NewDict()
	for _, k := range slices.Sorted(maps.Keys(given)) {
		_ = kwds.Set(k, given[k]) // a string is hashable
	}
	return args[:len(args)-1], kwds
}

// New makes an object, of one of SyncManager's types or of one that the manager's program registered, and gives a proxy with a reference
// to it. Arguments are pickled as package pickle does; the last may be Keywords. For types that have a proxy type here
// use theirs: NewDict, NewList … 0.2 ms.
//
// Errors: *RemoteError with what the manager raised.
func (c *Client) New(ctx context.Context, typeid string, args ...any) (Proxy, error) {
	given, kwds := split(args)
	v, err := c.create(ctx, typeid, given, kwds)
	return v, c.failed("create "+typeid, err)
}

func (c *Client) create(ctx context.Context, typeid string, args []any, kwds *pickle.Dict) (Proxy, error) {
	if c.isClosed() {
		return Proxy{}, connection.ErrClosed
	}
	v, err := c.request(ctx, "create", append([]any{typeid}, args...), kwds)
	if err != nil {
		return Proxy{}, err
	}
	pair, _ := v.(pickle.Tuple)
	if len(pair) != 2 {
		return Proxy{}, fmt.Errorf("%w: create gave %s", errAnswer, pickle.ReprMax(v, mostText))
	}
	ident, ok := pair[0].(string)
	if !ok {
		return Proxy{}, fmt.Errorf("%w: create gave %s", errAnswer, pickle.ReprMax(v, mostText))
	}
	return c.owned(typeid, ident, pair[1]), nil
}

// Attach gives a proxy, with a reference, of an object that is there: by its type and its ident, which in Python is proxy._token.id.
//
// Errors: ErrNoObject.
func (c *Client) Attach(ctx context.Context, typeid, ident string) (Proxy, error) {
	p := c.proxy(typeid, ident)
	return p, p.Keep(ctx)
}

// Unmarshal reads a pickle, such as Python's pickle.dumps(proxy) or what Marshal wrote, with proxies in it, which become
// proxies of c.
func (c *Client) Unmarshal(data []byte, into any) error {
	v, err := c.decode(data)
	if err != nil {
		return err
	}
	return assign(v, into)
}
