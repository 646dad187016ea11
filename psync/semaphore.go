package psync

import (
	"context"
	"fmt"

	"example.com/atrium/internal/layout"
	"example.com/atrium/shm"
)

// Semaphore is a number of permits, of which the processes hold some. The permits of a process that dies come back. A
// process gives back only what it took: to tell others that something has happened is for an Event or a Cond.
type Semaphore struct{ *object }

// OpenSemaphore gives the semaphore of that name, and makes it with permits when it is missing; "" makes an unnamed one, which
// goes with this process. One that was made with another number is refused; 0 takes whatever number there is, and
// gives fs.ErrNotExist when there is no semaphore.
func OpenSemaphore(space *shm.Space, name string, permits int) (*Semaphore, error) {
	if permits < 0 || permits > layout.MaxSyncPermits {
		return nil, &Error{Op: "open semaphore", Name: name, Err: fmt.Errorf("%d permits, where 1 to %d can be", permits, layout.MaxSyncPermits)}
	}
	o, err := open(space, name, layout.SyncSemaphore, uint64(permits))
	if err != nil {
		return nil, err
	}
	return &Semaphore{o}, nil
}

// Permits is how many there are, taken or not.
func (s *Semaphore) Permits() int { return int(s.mem.Limit()) }

// permits is n for the short ways, which refuse what nobody can have.
func permits(n int) uint64 {
	if n < 1 {
		return 1 << 63
	}
	return uint64(n)
}

func (s *Semaphore) check(op string, n int) error {
	if n < 1 || uint64(n) > s.mem.Limit() {
		return s.fail(op, fmt.Errorf("%d permits of %d", n, s.mem.Limit()))
	}
	return nil
}

// Acquire waits for n permits at once: 15 ns when they are free and nobody else changes the semaphore at the time, 0.5 µs otherwise.
// Who has waited for 1 ms goes before all others, so that who wants many gets them. At most 100 ms after the kernel is done with a holder that died its permits are free.
// Errors: the cause of ctx's end, with a holder; shm.ErrClosed.
func (s *Semaphore) Acquire(ctx context.Context, n int) error {
	ok, err := s.takeNow(permits(n))
	if ok {
		s.race.acquire()
		return nil
	}
	return s.acquireLong(ctx, n, err)
}

func (s *Semaphore) acquireLong(ctx context.Context, n int, err error) error {
	if err == nil {
		err = s.check("acquire", n)
	}
	if err != nil {
		return s.fail("acquire", err)
	}
	err = s.takePermits(ctx, "acquire", uint64(n), nil)
	if err == nil {
		s.race.acquire()
	}
	return err
}

// TryAcquire takes n permits if it needs not wait for them. 1 µs for each holder when it does not get them.
func (s *Semaphore) TryAcquire(n int) (bool, error) {
	ok, err := s.takeNow(permits(n))
	if ok {
		s.race.acquire()
		return true, nil
	}
	if err == nil {
		err = s.check("acquire", n)
	}
	if err != nil {
		return false, s.fail("acquire", err)
	}
	ok, err = s.tryTake("acquire", uint64(n), nil)
	if ok {
		s.race.acquire()
	}
	return ok, err
}

// Release gives back n permits that this process has; ErrNotOwner when it has fewer.
func (s *Semaphore) Release(n int) error {
	s.race.release()
	ok, err := s.giveNow(permits(n))
	if ok {
		return nil
	}
	return s.releaseLong(n, err)
}

func (s *Semaphore) releaseLong(n int, err error) error {
	if err == nil {
		err = s.check("release", n)
	}
	if err != nil {
		return s.fail("release", err)
	}
	return s.giveBack("release", uint64(n), nil)
}
