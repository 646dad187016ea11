package shm

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"

	"example.com/atrium/internal/sys"
)

// mappings are this process's segments, for naming the one that a fault lies in.
var mappings mappingTable

type mappingTable struct {
	mu  sync.Mutex
	all map[*Segment]struct{}
}

func (t *mappingTable) add(g *Segment) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = map[*Segment]struct{}{}
	}
	t.all[g] = struct{}{}
}

func (t *mappingTable) drop(g *Segment) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, g)
}

// Faulted tells which file a recovered panic was a memory fault in: recover's value with debug.SetPanicOnFault on.
// written is a guess at the cause: a read-only mapping was written to (true), or the file was cut short (false).
func Faulted(recovered any) (path string, written, ok bool) {
	e, isFault := recovered.(interface {
		runtime.Error
		Addr() uintptr
	})
	if !isFault {
		return "", false, false
	}
	at := e.Addr()
	mappings.mu.Lock()
	defer mappings.mu.Unlock()
	for g := range mappings.all {
		start := sys.Address(g.bytes)
		if at >= start && at < start+uintptr(len(g.bytes)) {
			_, size, _, err := sys.Stat(g.Path())
			cut := err == nil && int64(at-start) >= size
			return g.Path(), !cut && !g.writable, true
		}
	}
	return "", false, false
}

// Guard runs fn, which touches mapped files. Where one of them was cut short under it, fn ends there, and the error, ErrFormat, names the
// file: without it that is a fault that ends the process. fn must be fit to end anywhere. 10 ns.
func Guard(fn func()) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			path, _, ok := Faulted(r)
			if !ok {
				panic(r)
			}
			err = fmt.Errorf("%w: %s was cut short", ErrFormat, path)
		}
	}()
	fn()
	return nil
}

// Mapped lists the files this process has mapped now, for leak checks and doctors.
func Mapped() []string {
	mappings.mu.Lock()
	defer mappings.mu.Unlock()
	var paths []string
	for g := range mappings.all {
		paths = append(paths, g.Path())
	}
	slices.Sort(paths)
	return paths
}
