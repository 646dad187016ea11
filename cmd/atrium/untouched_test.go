package main_test

import (
	le "encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
)

// Looking at a Space writes nothing to it, whoever is alive, stopped or dead in it, and waits for none of them.
func TestLookingChangesNothing(t *testing.T) {
	p := newPlace(t)
	p.alone()
	p.remove("m", "rw", "slots", "jobs", "talk", "start")
	a, b, c := p.actor(), p.actor(), p.actor()
	do(a, "lock mutex m")
	do(a, "lock rwmutex rw")
	do(c, "take semaphore slots 2")
	do(a, "take semaphore slots 1")
	do(c, "put queue jobs 2")
	do(a, "claim queue jobs")
	do(b, "get queue jobs")
	do(a, "open pipe talk 1")
	do(c, "join barrier start 1")
	b.Send("lock mutex m")
	p.until("…; 1 waits\n…", "inspect", "m")
	stop(t, a)
	stop(t, b)
	c.Kill()
	state := func() string {
		var all strings.Builder
		for _, f := range got(os.ReadDir(p.space.Path())) {
			info := got(f.Info())
			fmt.Fprintln(&all, f.Name(), info.Size(), info.ModTime(), info.Mode(), info.Sys().(*syscall.Stat_t).Blocks)
			all.Write(got(os.ReadFile(filepath.Join(p.space.Path(), f.Name()))))
		}
		return all.String()
	}
	state() // reading gives memory to pages that have none yet
	before := state()
	looks := [][]string{{"ls", "-a"}, {"ls", "--json"}, {"inspect", "--deadlock"}, {"gc"}, {"gc", "--json"}, {"__complete", "inspect", ""}}
	for _, name := range []string{"m", "rw", "slots", "jobs", "talk", "start"} {
		looks = append(looks, []string{"inspect", name, "--over", "10ms"})
	}
	for _, args := range looks {
		if out, stderr, status := p.atrium(args...); status != 0 {
			t.Errorf("atrium %s: status %d\n%s%s", strings.Join(args, " "), status, out, stderr)
		}
		if state() != before {
			t.Fatalf("atrium %s changes something", strings.Join(args, " "))
		}
	}
	for _, proc := range []*mptest.Proc{a, b} {
		mptest.Must(syscall.Kill(proc.Pid(), syscall.SIGCONT))
	}
}

// Nobody waits at what is no file, or follows it out of the Space: a FIFO, a link, a directory.
func TestLookingAtNoFiles(t *testing.T) {
	p := newPlace(t)
	in := func(name string) string { return filepath.Join(p.space.Path(), name) }
	mptest.Must(syscall.Mkfifo(in("fifo"), 0o600))
	mptest.Must(syscall.Mkfifo(in(".1-1-fifo"), 0o600))
	mptest.Must(os.Symlink("/etc/passwd", in("link")))
	mptest.Must(os.Mkdir(in("dir"), 0o700))
	for _, name := range []string{"fifo", "link", "dir", ".1-1-fifo"} {
		defer os.Remove(in(name))
		p.expect(1, "", "atrium: nothing is named "+name+": no named object is in SPACE", "inspect", name)
	}
	p.expect(0, "Space SPACE: 0 named, 0 unnamed, 0 B\n\nPID…", "", "ls", "-a")
	dir := filepath.Join(p.dir, "odd")
	mptest.Must(os.Mkdir(dir, 0o700))
	mptest.Must(syscall.Mkfifo(filepath.Join(dir, ".control"), 0o600))
	p.expect(1, "", "atrium: DIR/odd: open DIR/odd/.control: not a regular file", "ls", "--space", dir)
	p.file("letter", "")
	p.expect(1, "", "atrium: DIR/letter is not a directory, as a Space is", "ls", "--space", filepath.Join(p.dir, "letter"))
}

// Unnamed files may be called anything: a terminal is not told.
func TestNamesOnTerminals(t *testing.T) {
	p := newPlace(t)
	p.alone()
	name := ".1-2-\x1b[31mred\n\u202e"
	file := filepath.Join(p.space.Path(), name)
	mptest.Must(os.WriteFile(file, []byte("text"), 0o600))
	defer os.Remove(file)
	p.expect(0, "…\n.1-2-?[31mred??  file  4 B  …  process 1-2, dead  -\n…", "", "ls", "-a")
	p.expect(0, ".1-2-?[31mred??  file  4 B\nWould remove…", "", "gc")
	p.expect(0, ".1-2-?[31mred??: file\nowner  process 1-2, dead\n…\nIt begins like no array, lock, queue or pipe: it is something else, or damaged.", "", "inspect", name)
	if out, _, _ := p.atrium("__complete", "inspect", "."); strings.Contains(out, "red") {
		t.Errorf("completion offers %q", out)
	}
	p.expect(1, "", `atrium: "" is not a name for an object…`, "inspect", "")
	p.expect(1, "", `atrium: "a/b" is not a name for an object…`, "inspect", "a/b")
}

// A process that is stopped in the middle of a change holds gc up for a moment: it says so, and frees the rest.
func TestStoppedInChange(t *testing.T) {
	p := newPlace(t)
	p.alone()
	p.remove("slots", "readers")
	a, b := p.actor(), p.actor()
	for _, of := range []*mptest.Proc{a, b} {
		do(of, "take semaphore slots 1")
		do(of, "read rwmutex readers")
	}
	a.Kill()
	stop(t, b)
	id := ""
	for line := range strings.Lines(first(p.atrium("ls"))) {
		if f := strings.Fields(line); len(f) == 5 && f[0] == fmt.Sprint(b.Pid()) {
			id = f[4]
		}
	}
	var slot, epoch uint64
	if _, err := fmt.Sscanf(id, "%d-%d", &slot, &epoch); err != nil {
		t.Fatal(id, err)
	}
	f := got(os.OpenFile(filepath.Join(p.space.Path(), "slots"), os.O_RDWR, 0))
	defer f.Close()
	guard := func(word uint64) { // of docs/formats/sync.md
		_, err := f.WriteAt(le.LittleEndian.AppendUint64(nil, word), 256)
		mptest.Must(err)
	}
	guard(slot<<48 | epoch<<16)
	p.expect(0, fmt.Sprintf("slots: semaphore, 2 of 4 permits taken; pid %[1]d (…), stopped is in the middle of a change\n…%[1]d …stopped  the inside …\n\npid %[1]d is stopped and is in the middle of a change: all who use it wait. Let it go on: kill -CONT %[1]d\n…", b.Pid()), "", "inspect", "slots")
	p.expect(0, fmt.Sprintf("stopped   slots: pid %[1]d (…) is in the middle of a change: all who use it wait. Let it go on: kill -CONT %[1]d\nNo…", b.Pid()), "", "inspect", "--deadlock")
	p.expect(1, "readers  rwmutex  1 read lock of pid …\nFreed what dead processes hold of 1 object\n", "atrium: sweep slots: …somebody is in the middle of a change of slots and does not go on; who that is: atrium inspect slots", "gc", "--apply")
	guard(0)
	p.expect(0, "slots  semaphore  1 permit of pid …\nFreed what dead processes hold of 1 object\n", "", "gc", "--apply")
	mptest.Must(syscall.Kill(b.Pid(), syscall.SIGCONT))
}

// Processes stand in the order in which they came.
func TestOrderOfProcesses(t *testing.T) {
	p := newPlace(t)
	want := fmt.Sprintf("…ID\n%d  ", os.Getpid())
	for range 5 {
		want += fmt.Sprintf("…\n%d  ", p.actor().Pid())
	}
	p.expect(0, want+"…", "", "ls")
}

func first(s, _ string, _ int) string { return s }

// A pipe of which one end is stopped, while the other waits for it.
func TestStoppedEnd(t *testing.T) {
	p := newPlace(t)
	p.remove("talk")
	a, b := p.actor(), p.actor()
	do(a, "open pipe talk")
	b.Send("receive pipe talk")
	stop(t, a)
	p.until(fmt.Sprintf("talk: pipe, …\npid %[1]d is stopped and has one end: the other waits to receive. Let it go on: kill -CONT %[1]d", a.Pid()), "inspect", "talk", "--over", "0")
	p.expect(0, fmt.Sprintf("stopped   talk: pid %d (…) has one end: …\nNo …", a.Pid()), "", "inspect", "--deadlock")
}

// The dead wait for nothing.
func TestDeadWaiter(t *testing.T) {
	p := newPlace(t)
	p.remove("jobs")
	a := p.actor()
	a.Send("get queue jobs")
	p.until("…alive  consumer  1 goroutine  0", "inspect", "jobs", "--over", "0")
	a.Kill()
	p.expect(0, "…dead   consumer  -      0", "", "inspect", "jobs", "--over", "0")
}

// Of the dead whose place in the table another has by now, no pid is known.
func TestDeadWithoutPid(t *testing.T) {
	p := newPlace(t)
	p.remove("m")
	do(p.actor(), "lock mutex m")
	f := got(os.OpenFile(filepath.Join(p.space.Path(), "m"), os.O_RDWR, 0))
	defer f.Close()
	_, err := f.WriteAt(le.LittleEndian.AppendUint64(nil, 3<<48|7<<16), 128) // of docs/formats/sync.md
	mptest.Must(err)
	p.expect(0, "…\n\nprocess 3-7 died with the lock. The next who locks it gets ErrOwnerDead, and mends what it guards.\n", "", "inspect", "m")
}

// A watch ends well by Ctrl-C, also before it has shown anything, and fails when the object is gone.
func TestWatchEnds(t *testing.T) {
	p := newPlace(t)
	p.remove("talk")
	a := p.actor()
	do(a, "open pipe talk")
	var w *mptest.Proc
	for wait := 200 * time.Millisecond; ; wait *= 2 {
		cmd := commandOf(p, "inspect", "talk", "--watch", "--over", "1h")
		w = mptest.StartCmd(t, "watch", cmd)
		time.Sleep(wait) // it has nothing to show
		mptest.Must(syscall.Kill(w.Pid(), syscall.SIGINT))
		err := w.Wait()
		if cmd.ProcessState.Exited() || wait > 5*time.Second { // else it was not ready for signals
			if err != nil {
				t.Errorf("interrupted, it ends with %v: %s", err, w.Stderr())
			}
			break
		}
	}
	w = mptest.StartCmd(t, "watch", commandOf(p, "inspect", "talk", "--watch", "--over", "0"))
	for !strings.HasPrefix(w.Line(), "talk: pipe") {
	}
	mptest.Must(p.space.Remove("talk"))
	for strings.TrimSpace(w.Line()) != "" { // the rest of what it shows
	}
	if err := w.Wait(); err == nil || !strings.Contains(w.Stderr(), "atrium: nothing is named talk") {
		t.Errorf("%v: %s", err, w.Stderr())
	}
}

// What is asked for wrongly is an error of usage.
func TestInspectUsage(t *testing.T) {
	p := newPlace(t)
	p.expect(2, "", "atrium: --over: -1s is less than nothing…", "inspect", "a", "--over", "-1s")
	p.expect(2, "", "atrium: --deadlock goes with neither --watch nor --over…", "inspect", "--deadlock", "--over", "2s")
	p.expect(2, "", "atrium: --deadlock goes with neither …", "inspect", "--deadlock", "--watch")
	mptest.Must(os.WriteFile(filepath.Join(p.space.Path(), "a"), nil, 0o600))
	p.remove("a")
	p.expect(0, "a\tfile, -\n:4", "…", "__complete", "inspect", "")
	for _, args := range [][]string{{"inspect", "--over", ""}, {"inspect", "--deadlock", ""}, {"ls", ""}, {"gc", ""}} {
		p.expect(0, ":4", "…", append([]string{"__complete"}, args...)...)
	}
}
