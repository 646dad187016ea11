package ring

import "context"

// What tests do with whole values; the ring's users have their own ways.

// Put waits for a slot, as Claim does, and copies the value into it. Errors: ErrTooBig, those of Claim and Commit.
func (r *MPMC) Put(ctx context.Context, quit func() error, value []byte) error {
	if len(value) > r.m.Room() {
		return ErrTooBig
	}
	c, err := r.Claim(ctx, quit)
	if err != nil {
		return err
	}
	return c.Commit(copy(c.Data, value))
}

// TryGet appends the next value to buf: it copies, releases and returns, so that a value is handed over at most
// once, and goes with a process that dies after the release. Again is the mark of Borrow. Errors: ErrEmpty, those of Release.
func (r *MPMC) TryGet(buf []byte) (value []byte, again bool, err error) {
	b, err := r.TryBorrow()
	return b.take(buf, err)
}

// Get waits for a value, as Borrow does, and appends it to buf, as TryGet does.
func (r *MPMC) Get(ctx context.Context, quit func() error, buf []byte) (value []byte, again bool, err error) {
	b, err := r.Borrow(ctx, quit)
	return b.take(buf, err)
}

func (b *Borrow) take(buf []byte, err error) ([]byte, bool, error) {
	if err != nil {
		return buf, false, err
	}
	value := append(buf, b.Data...)
	if err := b.Release(); err != nil {
		return buf, false, err
	}
	return value, b.Again, nil
}
