package connection

import (
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"example.com/atrium/internal/sys"
)

// Between a call and the next of a client that does nothing else there are 15 µs. To hear of it Go's scheduler takes as long as all the rest of a
// call: it looks at its queues, polls, sleeps in epoll, and is woken there twice, for the request and because the client has read the answer. The one
// connection of a process that is alone in being used waits on its thread instead: 1 wake-up, 2 system calls. Elsewhere, and after quiet, it
// waits as all others do.
//
//	a message comes, as the last 8 did, on this connection ──► wait held ──► it is there: read
//	      ▲                                                       │
//	      └──── wait as all others do, 1 message long   ◄─────────┴── 1 ms since it was begun: Go's scheduler has its turn
//	                             64, when none came in it
const (
	heldAfter   = 8                // messages of one connection
	heldAtMost  = time.Millisecond // for that long Go's scheduler may not get the processor, nor the network be looked at
	heldQuiet   = 64               // messages without, after a wait in vain
	heldTurns   = 1                // messages without, after a time that was used
	heldMinimum = 2                // processors, of which one is left to all others
)

// held is who may wait on its thread: one connection of the process.
var held struct {
	latest atomic.Pointer[holder] // that a message came to
	mu     sync.Mutex             // taken while it waits
	owner  *holder                // for whom the alarm is set
	came   int                    // messages since
	waits  int                    // of all
	alarm  sys.Alarm
	failed error
	once   sync.Once
}

// holder is a connection's part in it.
type holder struct {
	raw    syscall.RawConn
	streak int // messages since another connection had one; less after waits in vain
	wait   func(fd uintptr)
}

func newHolder(raw syscall.RawConn) *holder {
	h := &holder{raw: raw}
	h.wait = h.hold
	return h
}

// await waits for something to read, if that is to be done on this thread. Whatever it does, the caller then reads, and waits there.
func (h *holder) await() {
	if held.latest.Load() != h {
		held.latest.Store(h)
		h.streak = min(h.streak, 0)
		return
	}
	if h.streak++; h.streak < heldAfter || !held.mu.TryLock() {
		return
	}
	defer held.mu.Unlock()
	held.once.Do(func() {
		if held.alarm, held.failed = sys.NewAlarm(); runtime.GOMAXPROCS(0) < heldMinimum {
			held.failed = syscall.ENOTSUP
		}
	})
	if held.failed != nil {
		h.streak = -1 << 30
		return
	}
	_ = h.raw.Control(h.wait) // closed: the read tells
}

func (h *holder) hold(fd uintptr) {
	if held.owner != h {
		if held.alarm.Set(heldAtMost) != nil {
			return
		}
		held.owner, held.came = h, 0
	}
	held.waits++
	ready, over := sys.WaitHeld(fd, held.alarm)
	if ready {
		held.came++
	}
	if over {
		held.owner = nil
		if h.streak = heldAfter - heldTurns - 1; held.came == 0 {
			h.streak = heldAfter - heldQuiet
		}
	}
}
