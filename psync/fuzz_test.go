package psync

import (
	"context"
	"testing"
	"time"

	"example.com/atrium/internal/layout"
)

// FuzzAttach uses objects whose header and first cells are anything: errors, and waits that end, never a panic.
func FuzzAttach(f *testing.F) {
	for kind := layout.SyncMutex; kind <= layout.SyncBarrier; kind++ {
		limit := map[layout.SyncKind]uint64{layout.SyncRWMutex: layout.SyncWriter, layout.SyncSemaphore: 3, layout.SyncCond: 1, layout.SyncBarrier: 2}[kind]
		w := newWorld(f, kind, limit)
		f.Add(append([]byte(nil), w.mem[:1100]...))
		a := w.process(2)
		a.cell.Held.Store(1)
		a.mem.Lock.Word.Store(a.who.owner)
		f.Add(append([]byte(nil), w.mem[:1100]...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		defer func(begun time.Time) {
			if took := time.Since(begun); took > 30*time.Second {
				t.Errorf("a wait of 1 ms took %v", took)
			}
		}(time.Now())
		w := &world{t: t, mem: make([]byte, layout.SyncSize)}
		copy(w.mem, b)
		o, err := attach(w.mem, identity{layout.SyncOwner(1, 7), func(o uint64) (bool, error) {
			if slot, _ := layout.SyncSlot(o); slot == 0 || slot >= layout.Slots {
				return false, context.Canceled
			}
			return o != layout.SyncOwner(1, 7), nil
		}})
		if err != nil {
			return
		}
		_ = o.state()
		if o.join() != nil {
			return
		}
		o.open()
		ctx, stop := context.WithTimeout(bg, time.Millisecond)
		defer stop()
		switch o.mem.Kind() {
		case layout.SyncMutex:
			m := Mutex{o}
			_, _ = m.TryLock()
			_ = m.Lock(ctx)
			_ = m.MarkConsistent()
			_ = m.Unlock()
		case layout.SyncRWMutex:
			m := RWMutex{o}
			_ = m.RLock(ctx)
			_ = m.RUnlock()
			_ = m.Lock(ctx)
			_ = m.Unlock()
		case layout.SyncSemaphore:
			s := Semaphore{o}
			_, _ = s.TryAcquire(1)
			_ = s.Acquire(ctx, s.Permits())
			_ = s.Release(1)
		case layout.SyncCond:
			m := &Mutex{newWorld(t, layout.SyncMutex, 0).process(1)}
			c := Cond{o, m}
			_ = m.Lock(bg)
			_ = c.Signal()
			_ = c.Wait(ctx)
			_ = c.Broadcast()
		case layout.SyncEvent:
			e := Event{o}
			_ = e.Wait(ctx)
			_ = e.Set()
			_ = e.Clear()
		case layout.SyncBarrier:
			b := Barrier{o}
			_ = b.Join(1)
			_ = b.Wait(ctx)
			_ = b.Reset()
			_ = b.Leave(1)
		}
		_ = o.State()
		_ = o.Close()
	})
}
