package queue_test

import (
	"errors"
	"runtime"
	"sync"
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/queue"
)

// Who looks while the other end sends sees a message or none, and never damage; and may ask for the peer until the end is closed, and after.
func TestLookWhileSending(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	a, b := ok[*queue.Pipe[int64]](t)(queue.OpenPipe[int64](s, "p")), ok[*queue.Pipe[int64]](t)(queue.OpenPipe[int64](s, "p"))
	rounds := 200_000
	if testing.Short() {
		rounds = 20_000
	}
	var all sync.WaitGroup
	all.Go(func() {
		for i := range rounds {
			for range 1 + i%2*3 {
				noErr(t, a.Send(background, int64(i)))
			}
			ok[int64](t)(a.Recv(background)) // after which the first line is the next
		}
	})
	all.Go(func() {
		tries := 0
		for i := range rounds {
			for range 1 + i%2*3 {
				for {
					v, err := b.TryRecv()
					if errors.Is(err, queue.ErrEmpty) {
						if tries++; tries%100 == 0 {
							runtime.Gosched()
						}
						continue
					}
					if err != nil || v != int64(i) {
						t.Errorf("round %d: %d, %v", i, v, err)
						_ = b.Close()
						return
					}
					break
				}
			}
			noErr(t, b.Send(background, 0))
		}
	})
	all.Wait()
	done := make(chan struct{})
	for range 2 {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					_ = a.Peer()
				}
			}
		})
	}
	noErr(t, a.Close())
	close(done)
	all.Wait()
	noErr(t, b.Close())
	noErr(t, s.Remove("p"))
}
