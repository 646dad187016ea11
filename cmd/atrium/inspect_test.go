package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/psync"
	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

func got[T any](v T, err error) T {
	mptest.Must(err)
	return v
}

var background = context.Background()

// actor plays another process: it opens objects of the Space and does what it is told, "do kind name [number]", a line each.
var _ = mptest.Register("actor", func(args []string) {
	s := got(shm.Open(args[0]))
	mptest.Say("ready")
	for {
		line, ok := mptest.Hear()
		if !ok {
			return
		}
		f := append(strings.Fields(line), "0")
		if f[0] == "also" { // and goes on
			go act(s, f[1:])
			continue
		}
		if err := act(s, f); err != nil {
			mptest.Say(err)
		} else {
			mptest.Say("ok")
		}
	}
})

var held []any // what is not closed is not collected either

func act(s *shm.Space, f []string) error {
	n, _ := strconv.Atoi(f[3])
	switch f[0] + " " + f[1] {
	case "lock mutex":
		return got(psync.OpenMutex(s, f[2])).Lock(background)
	case "lock rwmutex":
		return got(psync.OpenRWMutex(s, f[2])).Lock(background)
	case "read rwmutex":
		return got(psync.OpenRWMutex(s, f[2])).RLock(background)
	case "take semaphore":
		return got(psync.OpenSemaphore(s, f[2], 4)).Acquire(background, n)
	case "join barrier":
		return got(psync.OpenBarrier(s, f[2], 3)).Join(n)
	case "set event":
		return got(psync.OpenEvent(s, f[2])).Set()
	case "open cond":
		held = append(held, got(psync.OpenCond(s, f[2], got(psync.OpenMutex(s, f[2]+"-mutex")))))
	case "put queue":
		q := got(queue.Open[int](s, f[2], queue.Config{Capacity: 4, Joinable: true}))
		for range n {
			mptest.Must(q.Put(background, 1))
		}
	case "claim queue":
		_, err := got(queue.Open[int](s, f[2], queue.Config{})).Claim(background, 8)
		return err
	case "get queue":
		_, err := got(queue.Open[int](s, f[2], queue.Config{})).Get(background)
		return err
	case "open pipe":
		p := got(queue.OpenPipe[int](s, f[2]))
		for range n {
			mptest.Must(p.Send(background, 1))
		}
		held = append(held, p)
	case "receive pipe":
		_, err := got(queue.OpenPipe[int](s, f[2])).Recv(background)
		return err
	}
	return nil
}

// actor starts one.
func (p *place) actor() *mptest.Proc {
	p.t.Helper()
	a := mptest.Start(p.t, "actor", p.space.Path())
	a.Expect("ready")
	return a
}

// remove takes away what a test has made.
func (p *place) remove(names ...string) {
	p.t.Cleanup(func() {
		for _, n := range names {
			if err := p.space.Remove(n); err != nil && !os.IsNotExist(err) && !strings.Contains(err.Error(), "not exist") {
				p.t.Error(err)
			}
		}
	})
}

func do(a *mptest.Proc, format string, args ...any) {
	a.Send(fmt.Sprintf(format, args...))
	a.Expect("ok")
}

// until runs the command until it prints what is wanted.
func (p *place) until(want string, args ...string) {
	p.t.Helper()
	out := ""
	for late := time.Now().Add(10 * time.Second); !matches(out, want); time.Sleep(10 * time.Millisecond) {
		if out, _, _ = p.atrium(args...); time.Now().After(late) {
			p.t.Fatalf("atrium %s prints\n%s\nwant\n%s", strings.Join(args, " "), out, want)
		}
	}
}

// waited returns when so many goroutines wait for a lock.
func (p *place) waited(name string, n int) {
	p.t.Helper()
	for late, seen := time.Now().Add(10*time.Second), -1; seen != n; time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			p.t.Fatalf("%d wait for %s, not %d", seen, name, n)
		}
		seen = 0
		for _, w := range got(psync.Look(p.space, name)).Waiters {
			seen += w.N
		}
	}
}

func stop(t *testing.T, a *mptest.Proc) {
	t.Helper()
	if err := syscall.Kill(a.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for late := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", a.Pid()))
		if strings.Contains(string(b), ") T") || time.Now().After(late) {
			return
		}
	}
}

// ls says of each kind of object what people want to know, and inspect more.
func TestLsLive(t *testing.T) {
	p := newPlace(t)
	p.remove("m", "rw", "slots", "start", "go", "c", "c-mutex", "jobs", "talk")
	a, b := p.actor(), p.actor()
	do(a, "lock mutex m")
	do(a, "read rwmutex rw")
	do(b, "read rwmutex rw")
	do(a, "take semaphore slots 3")
	do(b, "join barrier start 1")
	do(a, "set event go")
	do(a, "open cond c")
	do(a, "put queue jobs 3")
	do(b, "get queue jobs")
	do(a, "open pipe talk 2")
	a.Send("take semaphore slots 2")
	p.until(fmt.Sprintf(`
Space SPACE: 9 named, 0 unnamed, …

NAME     KIND       SIZE … AGE  WHAT
c        cond       16 KiB … nobody waits
c-mutex  mutex      16 KiB … free
go       event      16 KiB … set
jobs     queue      … 2 of 4, int (pod, 8 bytes); 1 producer, 1 consumer
m        mutex      16 KiB … held by pid %[1]d (…)
rw       rwmutex    16 KiB … read by 2 processes
slots    semaphore  16 KiB … 3 of 4 permits taken; 1 waits
start    barrier    16 KiB … 0 of 3 there
talk     pipe       … pid %[1]d (…) ↔ nobody yet; int (pod, 8 bytes)

PID …`, a.Pid()), "ls")
	p.expect(0, fmt.Sprintf(`
slots: semaphore, 3 of 4 permits taken; 1 waits
permits  4, 1 free
open in  1 process
waits    1 so far
made     …ago
file     SPACE/slots, 16 KiB

PID… PROGRAM… ID… STATE  HAS        WAITS
%d…alive  3 permits  1 goroutine for 2, …`, a.Pid()), "", "inspect", "slots")
	p.expect(0, fmt.Sprintf("m: mutex, held by pid %d (…)\nopen in  1 process\n…alive  the lock  -", a.Pid()), "", "inspect", "m")
	p.expect(0, fmt.Sprintf("rw: rwmutex, read by 2 processes\n…%d…1 read lock  -\n…", a.Pid()), "", "inspect", "rw")
	p.expect(0, fmt.Sprintf("start: barrier, 0 of 3 there\nparties  3, 3 waited for\n…%d…alive  1 seat, not there yet  -", b.Pid()), "", "inspect", "start")
	p.expect(0, fmt.Sprintf(`
jobs: queue, 2 of 4, int (pod, 8 bytes); 1 producer, 1 consumer
values    2 of 4, most seen at once 2
put       3, 0 a second
got       1, 0 a second
not done  1
waits     0 so far that went to sleep
made      …ago
file      SPACE/jobs, …

PID…NOT DONE
%d…alive  producer  -      0
%d…alive  consumer  -      1`, a.Pid(), b.Pid()), "", "inspect", "jobs", "--over", "50ms")
	b.Send("receive pipe talk")
	b.Expect("ok")
	p.expect(0, fmt.Sprintf(`
talk: pipe, pid %[1]d (…) ↔ pid %[2]d (…); int (pod, 8 bytes)
made  …ago
file  SPACE/talk, 133 KiB

END  PID… PROGRAM… ID… STATE  SENT  NOT RECEIVED YET  WAITS
0    %[1]d…alive  2     64 B              -
1    %[2]d…alive  0     0 B               -`, a.Pid(), b.Pid()), "", "inspect", "talk", "--over", "0")
}

// JSON has what the text has, also of objects in ls.
func TestInspectJSON(t *testing.T) {
	p := newPlace(t)
	p.remove("m", "jobs", "talk")
	a, b := p.actor(), p.actor()
	do(a, "lock mutex m")
	b.Send("lock mutex m")
	p.until("…; 1 waits\n…", "inspect", "m")
	out, _, _ := p.atrium("inspect", "m", "--json")
	type party struct {
		Pid   int
		Alive bool
		N     int
		Since *time.Time
	}
	var m struct {
		Name, Kind, Path string
		Lock             struct {
			Holders, Waiters []party
			Users            int
		}
	}
	if err := json.Unmarshal([]byte(out), &m); err != nil || m.Kind != "mutex" || m.Path != "SPACE/m" || m.Lock.Users != 2 ||
		m.Lock.Holders[0].Pid != a.Pid() || m.Lock.Waiters[0].Pid != b.Pid() || !m.Lock.Waiters[0].Alive || time.Since(*m.Lock.Waiters[0].Since) > time.Minute {
		t.Errorf("%v: %s", err, out)
	}
	a.Send("put queue jobs 4")
	a.Expect("ok")
	out, _, _ = p.atrium("ls", "--json")
	var v struct {
		Objects []struct {
			Name, Kind string
			Queue      *struct {
				Len, Capacity int
				Put           uint64
				Users         []struct {
					Pid      int
					Producer bool
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &v); err != nil || v.Objects[0].Name != "jobs" || v.Objects[0].Queue.Len != 4 || v.Objects[0].Queue.Put != 4 ||
		len(v.Objects[0].Queue.Users) != 1 || !v.Objects[0].Queue.Users[0].Producer || v.Objects[0].Queue.Users[0].Pid != a.Pid() {
		t.Errorf("%v: %s", err, out)
	}
}

// Rates are those of the time of the command.
func TestInspectRates(t *testing.T) {
	p := newPlace(t)
	p.remove("jobs", "talk")
	q := got(queue.Open[int](p.space, "jobs", queue.Config{Capacity: 4}))
	defer q.Close()
	pipe := got(queue.OpenPipe[int](p.space, "talk"))
	defer pipe.Close()
	end := make(chan bool)
	done := make(chan bool)
	go func() {
		defer close(done)
		for {
			select {
			case <-end:
				return
			case <-time.After(time.Millisecond):
				_ = q.Put(background, 1)
				_, _ = q.Get(background)
				_ = pipe.Send(background, 1)
			}
		}
	}()
	for name, unmarshal := range map[string]func(b []byte) (float64, error){
		"jobs": func(b []byte) (float64, error) {
			var v struct{ Rates struct{ Put, Got float64 } }
			err := json.Unmarshal(b, &v)
			return min(v.Rates.Put, v.Rates.Got), err
		},
		"talk": func(b []byte) (float64, error) {
			var v struct{ Rates struct{ Sent [2]float64 } }
			err := json.Unmarshal(b, &v)
			return v.Rates.Sent[0] - v.Rates.Sent[1], err
		},
	} {
		out, _, _ := p.atrium("inspect", name, "--json", "--over", "300ms")
		if rate, err := unmarshal([]byte(out)); err != nil || rate <= 0 || rate > 2000 {
			t.Errorf("%s: %v a second, %v: %s", name, rate, err, out)
		}
	}
	close(end)
	<-done
	p.expect(0, "talk: pipe, …\n0 … alive… a second  …B  …", "", "inspect", "talk", "--over", "50ms")
}

// An array is what `array info` says it is, and a name that there is not is told with those that there are.
func TestInspectOthers(t *testing.T) {
	p := newPlace(t)
	p.npy("a.npy", "np.arange(6.).reshape(2, 3)")
	p.expect(1, "", "atrium: nothing is named a: no named object is in SPACE", "inspect", "a")
	p.expect(0, "a: …", "", "array", "put", "a.npy", "--name", "a")
	info, _, _ := p.atrium("array", "info", "a")
	p.expect(0, info, "", "inspect", "a")
	p.expect(0, `{…"kind": "array"…"path": "SPACE/a"…`, "", "inspect", "a", "--json")
	p.expect(1, "", "atrium: nothing is named b; there are a", "inspect", "b")
	p.expect(0, "a\tarray, float64 (2, 3)\n…", "…", "__complete", "inspect", "")
	p.expect(2, "", "atrium: NAME is missing…", "inspect")
	p.expect(2, "", "atrium: --deadlock looks at the whole Space: what is \"a\"?…", "inspect", "--deadlock", "a")
	p.expect(0, "No deadlock in SPACE: …", "", "inspect", "--deadlock")
	p.expect(0, "", "", "array", "rm", "a")
	p.expect(1, "", "atrium: nothing is named a: the Space DIR/none is not there yet", "inspect", "a", "--space", filepath.Join(p.dir, "none"))
	p.expect(0, "No deadlock in DIR/none: …", "", "inspect", "--deadlock", "--space", filepath.Join(p.dir, "none"))
}

// What cannot be read, as it is damaged or of a later version, is named with the reason, whatever byte is wrong.
func TestInspectDamage(t *testing.T) {
	p := newPlace(t)
	p.remove("m", "jobs", "talk", "a")
	a := p.actor()
	do(a, "lock mutex m")
	do(a, "put queue jobs 1")
	do(a, "open pipe talk")
	for _, name := range []string{"m", "jobs", "talk"} {
		path := filepath.Join(p.space.Path(), name)
		f := got(os.OpenFile(path, os.O_RDWR, 0))
		version := make([]byte, 1)
		_, err := f.ReadAt(version, 8)
		mptest.Must(err)
		_, err = f.WriteAt([]byte{9}, 8)
		mptest.Must(err)
		kind := map[string]string{"m": "lock", "jobs": "queue", "talk": "pipe"}[name]
		p.expect(0, fmt.Sprintf("…\n%s … %s … cannot be read: it is of version 9…; this release reads version %d…", name, kind, version[0]), "", "ls")
		p.expect(1, "", fmt.Sprintf("atrium: SPACE/%s is a %s that cannot be read: it is of version 9…", name, kind), "inspect", name)
		_, err = f.WriteAt(version, 8)
		mptest.Must(err)
		if name == "m" { // a holder that cannot be
			_, err = f.WriteAt([]byte{0, 0, 1, 0, 0, 0, 0xff, 0xff}, 128)
			mptest.Must(err)
			p.expect(0, "m: mutex, held by process 65535-1, no process\n…", "", "inspect", "m")
		}
		mptest.Must(f.Truncate(100))
		p.expect(1, "", fmt.Sprintf("atrium: SPACE/%s is a %s that cannot be read: … A later release may read it; if it is damaged, remove the file", name, kind), "inspect", name)
		mptest.Must(f.Close())
	}
	mptest.Must(os.WriteFile(filepath.Join(p.space.Path(), "a"), []byte("\x93NUMPY\x01\x00\x10\x00{'descr': 7, }  "), 0o600))
	p.expect(1, "", "atrium: SPACE/a is a file that cannot be read: it begins as a .npy, but bad .npy header…", "inspect", "a")
	p.expect(0, "…\na … file … cannot be read: it begins as a .npy, but …", "", "ls")
	for _, verb := range []string{"gc", "ls"} {
		p.expect(0, "…", "", verb, "--json")
	}
}

// watch goes on until it is interrupted.
func TestInspectWatch(t *testing.T) {
	p := newPlace(t)
	p.remove("m")
	a := p.actor()
	do(a, "lock mutex m")
	cmd := commandOf(p, "inspect", "m", "--watch", "--over", "20ms")
	w := mptest.StartCmd(t, "watch", cmd)
	for seen := 0; seen < 3; {
		if strings.HasPrefix(w.Line(), "m: mutex, held by pid ") {
			seen++
		}
	}
	mptest.Must(syscall.Kill(w.Pid(), syscall.SIGINT))
	w.Done()
}
