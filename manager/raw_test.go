package manager

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"example.com/atrium/connection"
	"example.com/atrium/pickle"
)

// raw is a client that says what it likes.
type raw struct {
	t testing.TB
	*connection.Conn
}

var background = context.Background()

// dial connects, for one request to the server.
func dial(t testing.TB, s *Server) raw {
	t.Helper()
	c, err := connection.Dial(background, s.Addr(), connection.Config{Authkey: key, HandshakeTimeout: time.Minute})
	noErr(t, err)
	t.Cleanup(func() { c.Close() })
	return raw{t, c}
}

// open begins a session.
func open(t testing.TB, s *Server) raw {
	t.Helper()
	r := dial(t, s)
	if kind, v := r.ask(nil, "accept_connection", "raw"); kind != "#RETURN" || v != nil {
		t.Fatal(kind, v)
	}
	return r
}

func (r raw) send(ident any, method string, args ...any) {
	r.t.Helper()
	noErr(r.t, r.Send(background, pickle.Tuple{ident, method, pickle.Tuple(args), pickle.NewDict()}))
}

func (r raw) reply() (kind string, v any) {
	r.t.Helper()
	got, err := r.Recv(background)
	noErr(r.t, err)
	pair, ok := got.(pickle.Tuple)
	if !ok || len(pair) != 2 {
		r.t.Fatal(pickle.Repr(got))
	}
	return pair[0].(string), pair[1]
}

func (r raw) ask(ident any, method string, args ...any) (kind string, v any) {
	r.t.Helper()
	r.send(ident, method, args...)
	return r.reply()
}

// want asks, and wants something back; an exception as its repr, a traceback by its last line.
func (r raw) want(want any, ident any, method string, args ...any) {
	r.t.Helper()
	kind, v := r.ask(ident, method, args...)
	if got := said(kind, v); got != want {
		r.t.Errorf("%s: %v, not %v", method, got, want)
	}
}

func said(kind string, v any) any {
	switch kind {
	case "#TRACEBACK", "#UNSERIALIZABLE":
		lines := strings.Split(strings.TrimSpace(v.(string)), "\n")
		return kind + " " + lines[len(lines)-1]
	case "#ERROR":
		return kind + " " + pickle.Repr(v)
	}
	if _, ok := v.(int64); ok || v == nil {
		return v
	}
	return pickle.Repr(v)
}

// ended waits for the connection's end.
func (r raw) ended() {
	r.t.Helper()
	if _, err := r.RecvBytes(background, nil); err != io.EOF && !strings.Contains(err.Error(), "reset") {
		r.t.Errorf("the connection did not end: %v", err)
	}
}

// create makes an object and gives its ident.
func create(t testing.TB, s *Server, typeid string, args ...any) string {
	t.Helper()
	r := dial(t, s)
	kind, v := r.ask(nil, "create", append([]any{typeid}, args...)...)
	if kind != "#RETURN" {
		t.Fatal(v)
	}
	r.ended()
	return v.(pickle.Tuple)[0].(string)
}
