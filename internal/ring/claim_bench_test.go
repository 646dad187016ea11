package ring

import "testing"

// BenchmarkPutGet is a put and a get by one goroutine: six compare-and-swaps that nobody contends.
func BenchmarkPutGet(b *testing.B) {
	r := newWorld(b, 1024, 48).attach(1)
	v := make([]byte, 16)
	buf := make([]byte, 0, 64)
	b.Run("try", func(b *testing.B) {
		for b.Loop() {
			c, err := r.TryClaim()
			if err != nil {
				b.Fatal(err)
			}
			_ = c.Commit(copy(c.Data, v))
			if _, _, err := r.TryGet(buf); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("wait", func(b *testing.B) {
		ctx := b.Context()
		for b.Loop() {
			if err := r.Put(ctx, nil, v); err != nil {
				b.Fatal(err)
			}
			if _, _, err := r.Get(ctx, nil, buf); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("borrow", func(b *testing.B) {
		for b.Loop() {
			c, err := r.TryClaim()
			if err != nil {
				b.Fatal(err)
			}
			_ = c.Commit(16)
			l, err := r.TryBorrow()
			if err != nil {
				b.Fatal(err)
			}
			_ = l.Release()
		}
	})
}

// BenchmarkPassedOn is one value from a producer to a consumer that has another processor, both waiting when they must.
func BenchmarkPassedOn(b *testing.B) {
	w := newWorld(b, 1024, 48)
	p, c := w.attach(1), w.attach(2)
	done := make(chan error, 1)
	go func() {
		var buf []byte
		for {
			v, _, err := c.Get(b.Context(), nil, buf[:0])
			if err != nil || len(v) == 0 { // an empty value is the end
				done <- err
				return
			}
			buf = v
		}
	}()
	v := make([]byte, 16)
	for b.Loop() {
		if err := p.Put(b.Context(), nil, v); err != nil {
			b.Fatal(err)
		}
	}
	if err := p.Put(b.Context(), nil, nil); err != nil {
		b.Fatal(err)
	}
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
