package psync

import (
	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/ring"
)

// abandon leaves a lock of this process as if its owner had died with it: a client of this process's did. The word then names
// who had this process's slot in the Space before it, and so is certainly dead, whoever asks. false when this process does not have it.
func (l *lock) abandon() bool {
	slot, epoch := layout.SyncSlot(l.who.owner)
	dead := layout.SyncOwner(slot, epoch-1)
	for {
		w := l.Word.Load()
		if w&^(inconsistent|awaited) != l.who.owner {
			return false
		}
		if l.Since.Load() != 0 {
			l.Since.Store(0)
		}
		if l.Word.CompareAndSwap(w, dead|w&awaited) { // pairs with the load before each sleep
			break
		}
	}
	ring.Alarm(&l.Bell)
	ring.Alarm(&l.HeirBell)
	if l.parked.Load() {
		select {
		case l.home <- struct{}{}:
		default:
		}
	}
	return true
}
