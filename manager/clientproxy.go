package manager

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"example.com/atrium/connection"
	"example.com/atrium/pickle"
)

// Proxy is an object of a manager. Dict, List and the others are proxies that know their object's methods and types:
//
//	d := manager.Dict[string, int]{Proxy: p}
//
// makes one of any proxy. Proxies may be parts of values that are put into other objects, and come back as proxies: in any, or in a field of the
// type Proxy, Dict and so on. The zero Proxy is none, Python's None.
//
// As in Python, an object lives while a client has a reference to it, or while it is part of the value of one that lives. A proxy from
// New or Attach has a reference; one that came in a value has none, and is good for as long as something else keeps
// the object: Keep gives it one.
type Proxy struct{ o *remote }

// remote is what all copies of a proxy share.
type remote struct {
	client        *Client
	typeid, ident string
	class         any // of the proxy in Python, and what else it is made of there
	address       any
	exposed       any

	mu   sync.Mutex
	refs int
	held []*link // on which it was acquired
}

// proxyClasses are Python's, by typeid. Others are made by AutoProxy from the methods' names, and so is a set's, which only 3.14 has.
var proxyClasses = map[string]string{"list": "ListProxy", "dict": "DictProxy", "Namespace": "NamespaceProxy", "Value": "ValueProxy",
	"Array": "ArrayProxy", "Event": "EventProxy", "Lock": "AcquirerProxy", "RLock": "AcquirerProxy", "Semaphore": "AcquirerProxy",
	"BoundedSemaphore": "AcquirerProxy", "Condition": "ConditionProxy", "Barrier": "BarrierProxy", "Pool": "PoolProxy", "Iterator": "IteratorProxy"}

// proxy is one without a reference.
func (c *Client) proxy(typeid, ident string) Proxy {
	class := proxyClasses[typeid]
	if class == "" {
		class = "AutoProxy"
	}
	return Proxy{&remote{client: c, typeid: typeid, ident: ident, class: pickle.Class{Module: managersModule, Name: class}, address: c.token}}
}

// owned is a proxy for an object that the manager gave with a reference.
func (c *Client) owned(typeid, ident string, exposed any) Proxy {
	p := c.proxy(typeid, ident)
	if p.o.class == (pickle.Class{Module: managersModule, Name: "AutoProxy"}) {
		p.o.exposed = exposed
	}
	p.o.count(1)
	return p
}

// found is a proxy that came in a value.
func (c *Client) found(o *pickle.Object) any {
	if len(o.Args) != 4 {
		return o
	}
	ident, token, ok := readToken(o.Args[1])
	if !ok {
		return o
	}
	typeid, ok := token[0].(string)
	if !ok {
		return o
	}
	p := c.proxy(typeid, ident)
	p.o.class, p.o.address = o.Args[0], token[1]
	if kwds, ok := o.Args[3].(*pickle.Dict); ok {
		p.o.exposed, _ = kwds.Get("exposed")
	}
	return p
}

// count notes references that were taken or given back; false when there is none to give.
func (o *remote) count(n int) bool {
	o.mu.Lock()
	if o.refs+n < 0 {
		o.mu.Unlock()
		return false
	}
	o.refs += n
	o.mu.Unlock()
	c := o.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refs == nil {
		return true // closed
	}
	if c.refs[o.ident] += n; c.refs[o.ident] <= 0 {
		delete(c.refs, o.ident)
	}
	return true
}

// ID is the object's ident: Python's proxy._token.id. "" for the zero Proxy.
func (p Proxy) ID() string {
	if p.o == nil {
		return ""
	}
	return p.o.ident
}

// TypeID is the name of the object's type, as it was made by.
func (p Proxy) TypeID() string {
	if p.o == nil {
		return ""
	}
	return p.o.typeid
}

// errNone is that a zero Proxy was used.
var errNone = errors.New("atrium: this proxy is of no object: use New, Attach, or one that came in a value")

// Call calls a method, and fills what into points to with the result, as pickle.Unmarshal does; nil leaves it alone. Of a result that is an object of its own,
// such as a dict's iterator, into points to a Proxy. The last argument may be Keywords. 10 µs on a Unix socket.
//
// Errors: *RemoteError with what the method raised; ErrNoObject, ErrGone, ErrClosed, the cause of ctx's end.
func (p Proxy) Call(ctx context.Context, into any, method string, args ...any) error {
	if p.o == nil {
		return errNone
	}
	given, kwds := split(args)
	v, err := p.ask(ctx, method, given, kwds)
	if err == nil && into != nil {
		err = assign(v, into)
	}
	return p.o.failed(method, err)
}

func (o *remote) failed(method string, err error) error {
	if err == nil {
		return nil
	}
	return o.client.failed(o.typeid+"."+method, noObject(err, o.ident))
}

// ask is Call without its ends.
func (p Proxy) ask(ctx context.Context, method string, args pickle.Tuple, kwds *pickle.Dict) (any, error) {
	c := p.o.client
	l, err := c.take(ctx)
	if err != nil {
		return nil, err
	}
	v, err := l.ask(ctx, p.o.ident, method, args, kwds)
	c.give(l)
	return v, err
}

// Keep takes a reference, so that the object lives until Close, whatever becomes of the value that the proxy came in. 0.2 ms.
func (p Proxy) Keep(ctx context.Context) error {
	if p.o == nil {
		return errNone
	}
	if _, err := p.o.client.control(ctx, "incref", p.o.ident); err != nil {
		return noObject(err, p.o.ident)
	}
	p.o.count(1)
	return nil
}

// Close gives back the references of the proxy and its copies, if they have any. What nobody refers to is gone then. A lock that was acquired
// through it is released if the manager releases the locks of the dead, else it stays locked. Client.Close closes all. 0.2 ms.
func (p Proxy) Close(ctx context.Context) error {
	if p.o == nil {
		return nil
	}
	c := p.o.client
	p.o.mu.Lock()
	held := p.o.held
	p.o.held = nil
	p.o.mu.Unlock()
	for _, l := range held {
		l.failed = connection.ErrClosed
		c.give(l)
	}
	for p.o.count(-1) {
		var raised *RemoteError
		_, err := c.control(ctx, "decref", p.o.ident)
		if errors.Is(err, ErrClosed) || errors.As(err, &raised) {
			continue // it was given back already, or the object is gone
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Text is the object's text in Python: str(proxy).
func (p Proxy) Text(ctx context.Context) (s string, err error) {
	return s, p.Call(ctx, &s, "__str__")
}

// MarshalPickle gives the call that makes the proxy in Python, in whatever process has the manager's authkey.
func (p Proxy) MarshalPickle() (any, error) {
	if p.o == nil {
		return nil, nil
	}
	kwds := pickle.NewDict()
	if p.o.exposed != nil {
		_ = kwds.Set("exposed", p.o.exposed) // a string is hashable
	}
	return pickle.Call(managersModule, "RebuildProxy", p.o.class, newToken(p.o.typeid, p.o.address, p.o.ident), "pickle", kwds), nil
}

// UnmarshalPickle takes a proxy that came in a value.
func (p *Proxy) UnmarshalPickle(v any) error {
	switch v := v.(type) {
	case nil:
		p.o = nil
	case Proxy:
		p.o = v.o
	case *pickle.Object:
		if v.Class() == rebuild {
			return errors.New("a proxy is of a client: use Client.Unmarshal")
		}
		return fmt.Errorf("a %s is no proxy", pickle.TypeName(v))
	default:
		return fmt.Errorf("a %s is no proxy", pickle.TypeName(v))
	}
	return nil
}

// PickleKey makes proxies of one object equal.
func (p Proxy) PickleKey() any { return p.ID() }

// PickleType is the proxy's class in Python.
func (p Proxy) PickleType() string {
	if p.o == nil {
		return "NoneType"
	}
	if c, ok := p.o.class.(pickle.Class); ok && c.Name != "AutoProxy" {
		return c.Name
	}
	return "AutoProxy[" + p.o.typeid + "]"
}

// PickleRepr is what Python would print, with the ident in place of an address in memory.
func (p Proxy) PickleRepr() string {
	if p.o == nil {
		return "None"
	}
	return fmt.Sprintf("<%s object, typeid '%s' at %s>", p.PickleType(), p.o.typeid, p.o.ident)
}

// assign puts a result where it is wanted.
func assign(v, into any) error {
	switch into := into.(type) {
	case *any:
		*into = v
	case *bool:
		if b, ok := v.(bool); ok {
			*into = b
			return nil
		}
		return pickle.Assign(v, into)
	case *int:
		if i, ok := v.(int64); ok {
			*into = int(i)
			return nil
		}
		return pickle.Assign(v, into)
	case *string:
		if s, ok := v.(string); ok {
			*into = s
			return nil
		}
		return pickle.Assign(v, into)
	case *Proxy:
		return into.UnmarshalPickle(v)
	default:
		return pickle.Assign(v, into)
	}
	return nil
}

// fetch calls a method with a result of one type.
func fetch[T any](ctx context.Context, p Proxy, method string, args ...any) (v T, err error) {
	if p.o == nil {
		return v, errNone
	}
	got, err := p.ask(ctx, method, args, nil)
	if err == nil {
		err = assign(got, &v)
	}
	return v, p.o.failed(method, err)
}

// do calls a method of which nothing is wanted.
func (p Proxy) do(ctx context.Context, method string, args ...any) error {
	if p.o == nil {
		return errNone
	}
	_, err := p.ask(ctx, method, args, nil)
	return p.o.failed(method, err)
}
