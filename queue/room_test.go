package queue_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

// smallSpace opens a Space on a tmpfs of 8 MiB.
func smallSpace(t *testing.T) *shm.Space {
	t.Helper()
	if os.Getuid() != 0 {
		mptest.Skip(t, "this test needs root, to mount")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m,mode=700"); err != nil {
		mptest.Skip(t, fmt.Sprintf("mounting a tmpfs: %v", err))
	}
	t.Cleanup(func() { noErr(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	s := ok[*shm.Space](t)(shm.Open(filepath.Join(dir, "space")))
	t.Cleanup(func() { noErr(t, s.Close()) })
	return s
}

// TestMemoryFull fills the file system while a queue grows: an error with the numbers, and nobody is killed.
func TestMemoryFull(t *testing.T) {
	mptest.Check(t)
	s := smallSpace(t)
	q := newQueue[[]byte](t, s, "q", queue.Config{Capacity: 16, MaxValue: 1 << 20})
	v := bytes.Repeat([]byte{7}, 1<<20)
	n := 0
	var err error
	for ; n < 16 && err == nil; n++ {
		err = q.Put(background, v)
	}
	if n--; n < 6 || n > 7 {
		t.Errorf("%d values of 1 MiB went into 8 MiB", n)
	}
	wantErr(t, err, shm.ErrNoSpace, "8 MiB", "--shm-size")
	wantErr(t, q.Put(background, make([]byte, 4<<20)), shm.ErrNoSpace)
	c, err := q.Claim(background, 1<<20)
	wantErr(t, err, shm.ErrNoSpace)
	if c.Data != nil {
		t.Error("a claim came with an error")
	}
	noErr(t, q.Put(background, []byte("small goes on")))
	for range n {
		if got, err := q.Get(background); !bytes.Equal(got, v) || err != nil {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
	}
	if got, err := q.Get(background); string(got) != "small goes on" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := q.TryGet(); err == nil {
		t.Error("a put that failed left a value")
	}
	for i := range 20 { // what has storage keeps it
		err := q.Put(background, v)
		if err == nil {
			_, err = q.Get(background)
		}
		if err != nil && i < 6 {
			wantErr(t, err, shm.ErrNoSpace)
		}
	}
	_, err = queue.Open[[]byte](s, "more", queue.Config{Capacity: 1 << 20})
	wantErr(t, err, shm.ErrNoSpace)
	checkEmpty(t, s)
}

// TestCost holds what an empty queue costs.
func TestCost(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	limit := 200 * time.Microsecond
	floor := time.Hour // what a file of that size costs
	for range 20 {
		begun := time.Now()
		noErr(t, ok[*shm.Segment](t)(s.Create("", 100<<10, nil)).Close())
		floor = min(floor, time.Since(begun))
	}
	if limit = max(limit, 4*floor); raceOn {
		limit = time.Hour
	}
	used := func() int64 {
		st := ok[os.FileInfo](t)(os.Stat(filepath.Join(s.Path(), "q")))
		return st.Sys().(*syscall.Stat_t).Blocks * 512
	}
	mptest.Soon(t, limit, "making a queue", func() time.Duration {
		begun := time.Now()
		q := ok[*queue.Queue[[]byte]](t)(queue.Open[[]byte](s, "q", queue.Config{Capacity: 1000}))
		took := time.Since(begun)
		if n := used(); n >= 128<<10 || q.Capacity() < 1000 {
			t.Fatalf("an empty queue of %d takes %d bytes", q.Capacity(), n)
		}
		noErr(t, q.Close())
		noErr(t, s.Remove("q"))
		return took
	})

	if raceOn { // allocates by itself
		return
	}
	q := newQueue[int64](t, s, "q", queue.Config{})
	if n := testing.AllocsPerRun(1000, func() {
		_ = q.Put(background, 1)
		_, _ = q.Get(background)
		_ = q.TryPut(1)
		_, _ = q.TryGet()
	}); n > 0 {
		t.Errorf("%v allocations for two puts and gets", n)
	}
	b := newQueue[string](t, s, "strings", queue.Config{})
	text := strings.Repeat("x", 40)
	if n := testing.AllocsPerRun(1000, func() {
		_ = b.Put(background, text)
		_, _ = b.Get(background)
	}); n > 3 {
		t.Errorf("%v allocations for a put and a get of a text", n)
	}
}

// idler has goroutines wait for a value, and tells how much of a processor that took.
var _ = mptest.Register("idler", func(args []string) {
	s := must(shm.Open(args[0]))
	q := must(queue.Open[string](s, "q", queue.Config{}))
	done := make(chan bool)
	for range 25 {
		go func() {
			_, err := q.Get(background)
			mptest.Must(err)
			done <- true
		}()
	}
	cpu := func() time.Duration {
		var r syscall.Rusage
		mptest.Must(syscall.Getrusage(syscall.RUSAGE_SELF, &r))
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	time.Sleep(500 * time.Millisecond)
	mptest.Say("waiting")
	for before := cpu(); ; {
		if line, _ := mptest.Hear(); line == "end" {
			break
		}
		now := cpu()
		mptest.Say(int64(now-before), len(must(os.ReadDir("/proc/self/task"))))
		before = now
	}
	for range 25 {
		<-done
	}
	mptest.Say("done")
})

// TestParked has 100 consumers in four processes wait: they take less than half a hundredth of a processor together.
func TestParked(t *testing.T) {
	mptest.Check(t)
	s := mptest.Space(t)
	q := newQueue[string](t, s, "q", queue.Config{})
	var all []*mptest.Proc
	for range 4 {
		all = append(all, mptest.Start(t, "idler", s.Path()))
	}
	for _, p := range all {
		p.Expect("waiting")
	}
	share := 1.0
	for attempt := 0; attempt < 20 && share > 0.005 && !raceOn; attempt++ { // others want the processors too
		begun := time.Now()
		time.Sleep(2 * time.Second)
		var sum time.Duration
		for _, p := range all {
			p.Send("tell")
			var ns int64
			var threads int
			_, err := fmt.Sscan(p.Line(), &ns, &threads)
			noErr(t, err)
			sum += time.Duration(ns)
			if threads > 15 {
				t.Errorf("25 goroutines that wait take %d threads", threads)
			}
		}
		share = float64(sum) / float64(time.Since(begun))
		t.Logf("100 who wait take %.3f %% of a processor", 100*share)
	}
	if share > 0.005 && !raceOn {
		t.Errorf("100 who wait take %.2f %% of a processor", 100*share)
	}
	for _, p := range all {
		p.Send("end")
	}
	for range 100 {
		noErr(t, q.Put(background, "x"))
	}
	for _, p := range all {
		p.Expect("done")
		p.Done()
	}
}
