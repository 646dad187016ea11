package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"example.com/atrium/shm"
)

// Invoke calls a function with an encoded argument and gives its encoded result. ctx carries a Session.
type Invoke func(ctx context.Context, arg []byte) ([]byte, error)

// Filled while packages initialise, then only read.
var functions = map[string]Invoke{}

// Register makes a function known by its name. Driver and workers are the same binary, so both know it. Call it while packages initialise.
func Register(name string, f Invoke) {
	if name == "" || len(name) > 200 {
		panic(fmt.Sprintf("atrium: a function's name has 1 to 200 bytes, not %d", len(name)))
	}
	if functions[name] != nil {
		panic("atrium: two functions are named " + name)
	}
	functions[name] = f
}

// Lookup finds a registered function, or tells which ones there are.
func Lookup(name string) (Invoke, error) {
	if f := functions[name]; f != nil {
		return f, nil
	}
	return nil, fmt.Errorf("%w: %q is not registered in this program (it has %s); register it in a package variable, not inside main",
		ErrNotFound, name, strings.Join(Names(), ", "))
}

// Names lists the registered functions, without those whose names begin or go on with a NUL: they are packages' own.
func Names() []string {
	names := slices.Sorted(maps.Keys(functions))
	return slices.DeleteFunc(names, func(n string) bool { return strings.Contains(n, "\x00") })
}

// Session is what a running function's process knows about its driver.
type Session struct {
	Space  *shm.Space
	Driver shm.Owner // who unnamed arrays in a result are given to
	Tag    string    // under which, until the driver adopts them
}

type sessionKey struct{}

// WithSession gives the session to functions that run under ctx.
func WithSession(ctx context.Context, s *Session) context.Context {
	return context.WithValue(ctx, sessionKey{}, s)
}

// SessionOf is the session ctx carries, nil outside a function.
func SessionOf(ctx context.Context) *Session {
	s, _ := ctx.Value(sessionKey{}).(*Session)
	return s
}

func int64Duration(v uint64) time.Duration { return time.Duration(int64(v)) }
