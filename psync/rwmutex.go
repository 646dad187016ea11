package psync

import (
	"context"

	"example.com/atrium/internal/layout"
	"example.com/atrium/shm"
)

// RWMutex is a lock that many read or one writes under. Read locks of a process that dies come back. When a writer dies,
// the next writer gets the lock with ErrOwnerDead, as of a Mutex; readers get no lock but ErrOwnerDead until a writer
// has called MarkConsistent.
//
// A writer that has waited for 1 ms goes before new readers, and a reader before new writers: a goroutine that locks
// for reading once more while it reads may wait for ever.
type RWMutex struct{ *object }

// OpenRWMutex gives the lock of that name, and makes it when it is missing, as OpenMutex does.
func OpenRWMutex(space *shm.Space, name string) (*RWMutex, error) {
	o, err := open(space, name, layout.SyncRWMutex, layout.SyncWriter)
	if err != nil {
		return nil, err
	}
	return &RWMutex{o}, nil
}

// mayRead and mayWrite run under the guard.
func (m *RWMutex) mayRead() error {
	switch state := m.mem.State.Load(); {
	case state&broken != 0:
		return ErrNotRecoverable
	case state&inconsistent != 0 && m.mem.Total.Load() < layout.SyncWriter:
		return m.ownerDead(m.mem.Died.Load())
	}
	return nil
}

func (m *RWMutex) mayWrite() error {
	if m.mem.State.Load()&broken != 0 {
		return ErrNotRecoverable
	}
	return nil
}

// wrote is what the error is of a write lock that was taken.
func (m *RWMutex) wrote() error {
	m.race.acquire()
	m.reads.acquire()
	if m.mem.State.Load()&inconsistent != 0 { // changes only under the write lock
		return m.fail("lock", m.ownerDead(m.mem.Died.Load()))
	}
	return nil
}

// Lock waits for the lock to write under: 15 ns when nobody has it. With nil and with ErrOwnerDead (an *OwnerDeadError) the caller has it,
// otherwise not: ErrNotRecoverable, the cause of ctx's end with who has it, shm.ErrClosed. At most 100 ms after the kernel is done with an owner that
// died the next goes on.
func (m *RWMutex) Lock(ctx context.Context) error {
	ok, err := m.takeNow(layout.SyncWriter)
	if ok {
		m.race.acquire()
		m.reads.acquire()
		return nil
	}
	return m.lockLong(ctx, err)
}

func (m *RWMutex) lockLong(ctx context.Context, err error) error {
	if err != nil {
		return m.fail("lock", err)
	}
	if err := m.stay(); err != nil { // until wrote has looked
		return m.fail("lock", err)
	}
	defer m.part()
	if err := m.takePermits(ctx, "lock", layout.SyncWriter, m.mayWrite); err != nil {
		return err
	}
	return m.wrote()
}

// TryLock takes the lock to write under if it needs not wait for it. The error may be ErrOwnerDead, with the lock, or ErrNotRecoverable.
func (m *RWMutex) TryLock() (bool, error) {
	ok, err := m.takeNow(layout.SyncWriter)
	if ok || err != nil {
		m.race.acquire()
		m.reads.acquire()
		return ok, m.fail("lock", err)
	}
	ok, err = m.tryTake("lock", layout.SyncWriter, m.mayWrite)
	if ok {
		err = m.wrote()
	}
	return ok, err
}

// Unlock gives the write lock back; ErrNotOwner when this process does not have it.
func (m *RWMutex) Unlock() error {
	m.race.release()
	ok, err := m.giveNow(layout.SyncWriter)
	if ok {
		return nil
	}
	return m.unlockLong(err)
}

func (m *RWMutex) unlockLong(err error) error {
	if err != nil {
		return m.fail("unlock", err)
	}
	return m.giveBack("unlock", layout.SyncWriter, func() {
		if m.mem.State.Load()&inconsistent != 0 {
			m.mem.State.Store(broken)
		}
	})
}

// MarkConsistent tells, between the Lock that gave ErrOwnerDead and the Unlock, that what the lock guards is whole again.
func (m *RWMutex) MarkConsistent() error {
	const op = "mark consistent"
	if m.closed.Load() {
		return m.fail(op, shm.ErrClosed)
	}
	if m.cell.Held.Load() != layout.SyncWriter || !m.mem.State.CompareAndSwap(inconsistent, 0) {
		return m.fail(op, ErrNotOwner)
	}
	return nil
}

// RLock waits for the lock to read under, as others may at the same time: 15 ns when nobody writes. With any error the caller does not
// have it: ErrOwnerDead when a writer died, and what Lock gives.
func (m *RWMutex) RLock(ctx context.Context) error {
	ok, err := m.takeNow(1)
	if ok {
		m.race.acquire()
		return nil
	}
	return m.rlockLong(ctx, err)
}

func (m *RWMutex) rlockLong(ctx context.Context, err error) error {
	if err == nil {
		err = m.takePermits(ctx, "lock for reading", 1, m.mayRead)
	}
	if err == nil {
		m.race.acquire()
	}
	return m.fail("lock for reading", err)
}

// TryRLock takes the lock to read under if it needs not wait for it.
func (m *RWMutex) TryRLock() (bool, error) {
	ok, err := m.takeNow(1)
	if !ok && err == nil {
		ok, err = m.tryTake("lock for reading", 1, m.mayRead)
	}
	if ok {
		m.race.acquire()
	}
	return ok, m.fail("lock for reading", err)
}

// RUnlock gives a read lock of this process back; ErrNotOwner when it has none.
func (m *RWMutex) RUnlock() error {
	m.reads.release()
	ok, err := m.giveNow(1)
	if ok {
		return nil
	}
	return m.runlockLong(err)
}

func (m *RWMutex) runlockLong(err error) error {
	if err != nil {
		return m.fail("unlock for reading", err)
	}
	return m.giveBack("unlock for reading", 1, nil)
}
