package psync

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/shm"
)

// Error says which operation failed on which object. It is the error of package shm, as objects are its files; Err wraps one
// of the sentinels here or there, fs.ErrNotExist, or the cause of the context that ended.
type Error = shm.Error

// Sentinels for errors.Is.
var (
	// ErrOwnerDead is that the last owner died with the lock. Mutex.Lock and RWMutex.Lock have the lock when they say so.
	ErrOwnerDead = errors.New("the last owner died with the lock: look at what it guards, mend it and call MarkConsistent")
	// ErrNotRecoverable is that a lock whose owner had died was unlocked without MarkConsistent. Nobody gets it any more.
	ErrNotRecoverable = errors.New("an owner died, and who had the lock after it did not mend what it guards; remove the lock and make it anew with what it guards")
	// ErrBroken is that not all of a barrier's parties will come: one died or gave up, or Reset was called.
	ErrBroken = errors.New("the barrier is broken")
	// ErrNotOwner is that this process does not hold what it gives back.
	ErrNotOwner = errors.New("not held by this process")
	// ErrFull is that no place is left in the object.
	ErrFull = errors.New("all places are taken")
)

// OwnerDeadError is an ErrOwnerDead that says who died.
type OwnerDeadError struct {
	Owner shm.Owner // its slot in the Space; zero when another process found it dead and did not live to say so
	Pid   int       // as the process itself saw it; 0 when another process has its slot by now
}

func (e *OwnerDeadError) Error() string {
	switch {
	case e.Owner == shm.Owner{}:
		return ErrOwnerDead.Error()
	case e.Pid == 0:
		return fmt.Sprintf("process %v: %v", e.Owner, ErrOwnerDead)
	}
	return fmt.Sprintf("process %v, pid %d: %v", e.Owner, e.Pid, ErrOwnerDead)
}

// Unwrap gives ErrOwnerDead.
func (e *OwnerDeadError) Unwrap() error { return ErrOwnerDead }

// ownerDead is the error that owner died with the lock.
func (o *object) ownerDead(owner uint64) error {
	e := &OwnerDeadError{}
	e.Owner.Slot, e.Owner.Epoch = layout.SyncSlot(owner)
	if o.space != nil {
		e.Pid = pidOf(o.space.Path(), e.Owner)
	}
	return e
}

// pidOf reads the pid of a process that may be dead from the Space's control file, where it stands until another takes the slot.
func pidOf(space string, who shm.Owner) int {
	b, err := os.ReadFile(filepath.Join(space, ".control"))
	if err != nil || who.Slot >= layout.Slots {
		return 0
	}
	c, err := layout.OpenControl(b)
	if err != nil {
		return 0
	}
	if cell := c.Cell(who.Slot); cell.Epoch.Load() == who.Epoch {
		return int(cell.Pid.Load())
	}
	return 0
}

// both is errors.Join that leaves a lone error what it is.
func both(err, second error) error {
	if second == nil {
		return err
	}
	return errors.Join(err, second)
}

func (o *object) fail(op string, err error) error {
	switch err.(type) {
	case nil, *Error:
		return err
	}
	return &Error{Op: op, Name: o.name, Err: err}
}

// waited is the error of a wait that its context ended, with who was waited for. It looks at the object as Look does.
func (o *object) waited(op string, err error, began time.Time) error {
	for _, h := range o.state().Holders {
		if !h.Dead {
			return &Error{Op: op, Name: o.name, Err: fmt.Errorf("%w after %v; held by process %v", err, time.Since(began).Round(time.Millisecond), h.Owner)}
		}
	}
	return o.fail(op, err)
}
