package psync

import (
	"context"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/shm"
)

// Mutex is a lock that belongs to a process: one of its goroutines at a time has it, and any of them may unlock it.
//
// When the owner dies, the next who locks gets the lock with ErrOwnerDead, and so does who comes after one that died with
// it again. It looks at what the mutex guards, mends it and calls MarkConsistent; when it unlocks without that, the
// mutex is ErrNotRecoverable for everybody.
//
// Who comes when the mutex is free gets it, until somebody has waited for 1 ms: the next Unlock hands it to that one.
type Mutex struct{ *object }

// OpenMutex gives the mutex of that name, and makes it when it is missing; "" makes an unnamed one, which goes with this process.
// 60 µs. Errors: those of shm, ErrFormat for a file that is something else, ErrFull.
func OpenMutex(space *shm.Space, name string) (*Mutex, error) {
	o, err := open(space, name, layout.SyncMutex, 0)
	if err != nil {
		return nil, err
	}
	return &Mutex{o}, nil
}

// Lock waits for the mutex: 3 ns when nobody has it, 5 to 100 µs after the Unlock of who had it, at most 100 ms after the
// kernel is done with an owner that died. With nil and with ErrOwnerDead (an *OwnerDeadError) the caller has the mutex, otherwise not:
// ErrNotRecoverable, the cause of ctx's end with who has it, shm.ErrClosed. Whatever was written before an Unlock is seen after the Lock
// that follows it, in any process.
func (m *Mutex) Lock(ctx context.Context) error {
	if m.lock.take1() {
		m.race.acquire()
		return nil
	}
	return m.lockLong(ctx)
}

func (m *Mutex) lockLong(ctx context.Context) error {
	if m.closed.Load() {
		return m.fail("lock", shm.ErrClosed)
	}
	if m.lock.grab() {
		at("lock: taken")
		m.race.acquire()
		return nil
	}
	if err := m.stay(); err != nil {
		return m.fail("lock", err)
	}
	defer m.part()
	began := time.Now()
	dead, err := m.lock.wait(ctx, m.view())
	switch {
	case err != nil && ctx.Err() != nil:
		return m.waited("lock", err, began)
	case err != nil:
		return m.fail("lock", err)
	}
	m.race.acquire()
	if dead != 0 {
		return m.fail("lock", m.ownerDead(dead))
	}
	return nil
}

// TryLock takes the mutex if it needs not wait for it: 1 to 2 µs when somebody has it. The error may be ErrOwnerDead,
// with the mutex, or ErrNotRecoverable.
func (m *Mutex) TryLock() (bool, error) {
	if m.lock.take1() {
		m.race.acquire()
		return true, nil
	}
	return m.tryLong()
}

func (m *Mutex) tryLong() (bool, error) {
	if m.closed.Load() {
		return false, m.fail("lock", shm.ErrClosed)
	}
	got, dead, err := m.lock.try()
	if got {
		m.race.acquire()
	}
	if dead != 0 {
		err = m.ownerDead(dead)
	}
	return got, m.fail("lock", err)
}

// Unlock gives the mutex back: 3 ns when nobody waits, and 2 to 5 µs to wake who does. ErrNotOwner when this process does not have it.
func (m *Mutex) Unlock() error {
	m.race.release()
	if m.lock.give1() {
		return nil
	}
	return m.unlockLong()
}

func (m *Mutex) unlockLong() error {
	if m.closed.Load() {
		return m.fail("unlock", shm.ErrClosed)
	}
	if !m.lock.release(true) {
		return m.fail("unlock", ErrNotOwner)
	}
	return nil
}

// MarkConsistent tells, between the Lock that gave ErrOwnerDead and the Unlock, that what the mutex guards is whole again.
func (m *Mutex) MarkConsistent() error {
	if m.closed.Load() {
		return m.fail("mark consistent", shm.ErrClosed)
	}
	if !m.lock.mend() {
		return m.fail("mark consistent", ErrNotOwner)
	}
	return nil
}
