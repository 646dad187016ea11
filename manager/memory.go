package manager

import (
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

// memory tells when the process has more than it may have.
type memory struct {
	most    int64
	refused atomic.Uint64 // what would have added something

	mu    sync.Mutex
	since int64 // bytes that came since it was looked at
	over  bool
	freed time.Time     // when the garbage was last collected because of this
	took  time.Duration // and for how long
}

// memoryFull is what a client gets of a request that is not taken.
func memoryFull() error {
	return raise("MemoryError", "the manager has no memory left: see Config.MaxMemory")
}

// full tells whether no request of n bytes that adds something is to be taken.
func (m *memory) full(n int) bool {
	if m.most <= 0 {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.since += int64(n)
	if !m.over && m.since < m.most/64 {
		return false
	}
	m.since = 0
	if m.over = heap() > m.most; m.over && m.mayCollect() {
		began := time.Now()
		runtime.GC()
		m.freed, m.took = time.Now(), time.Since(began)
		m.over = heap() > m.most
	}
	if m.over {
		m.refused.Add(1)
	}
	return m.over
}

// mayCollect is true when collecting again leaves nine tenths of the time to others. For a moment it waits for that, as what was taken away just
// now is garbage that was not collected yet.
func (m *memory) mayCollect() bool {
	const most = 100 * time.Millisecond
	pause := 9*m.took - time.Since(m.freed)
	if pause > most {
		return false
	}
	if pause > 0 {
		<-time.After(pause)
	}
	return true
}

func heap() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}
