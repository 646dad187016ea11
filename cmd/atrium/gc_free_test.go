package main_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
	"example.com/atrium/psync"
	"example.com/atrium/queue"
)

// gc frees what the dead hold of objects that nobody waits for, and leaves to the next owner of a lock the news of a death.
func TestGCFrees(t *testing.T) {
	p := newPlace(t)
	p.alone()
	p.remove("m", "rw", "readers", "slots", "start", "jobs", "talk")
	a, b := p.actor(), p.actor()
	do(b, "take semaphore slots 1")
	do(a, "lock mutex m")
	do(a, "lock rwmutex rw")
	do(a, "read rwmutex readers")
	do(a, "take semaphore slots 2")
	do(a, "join barrier start 1")
	do(a, "put queue jobs 1")
	do(b, "open pipe talk")
	do(a, "open pipe talk")
	p.expect(0, "Nothing to remove in SPACE", "", "gc", "--apply")
	a.Kill()
	p.expect(0, fmt.Sprintf("m: mutex, held by pid %[1]d (…), dead; an owner died\nopen in  0 processes, and 1 place of a dead one\n…dead   the lock  -\n\npid %[1]d died with the lock. The next who locks it gets ErrOwnerDead, and mends what it guards.", a.Pid()), "", "inspect", "m")
	p.expect(0, fmt.Sprintf("slots: semaphore, …\n\npid %d died with what it has. Who waits gets it within 100 ms; when nobody does: atrium gc --apply", a.Pid()), "", "inspect", "slots")
	p.expect(0, fmt.Sprintf("jobs: queue, …; 0 producers, 0 consumers; a producer died\n…%d…dead   producer  …\n\nA process that put into it died…", a.Pid()), "", "inspect", "jobs", "--over", "0")
	frees := fmt.Sprintf(`
jobs     queue      1 place of a dead process
m        mutex      1 place of a dead process
readers  rwmutex    1 read lock of pid %[1]d (…), dead
rw       rwmutex    1 place of a dead process
slots    semaphore  2 permits of pid %[1]d (…), dead
start    barrier    1 seat of pid %[1]d (…), dead
`, a.Pid())
	news := fmt.Sprintf(`

Left alone, as the next who locks them is told, and mends what they guard:
m   mutex    pid %[1]d (…) died with it
rw  rwmutex  pid %[1]d (…) died with it`, a.Pid())
	p.expect(0, frees+"Would free what dead processes hold of 6 objects: atrium gc --apply"+news, "", "gc")
	p.expect(0, "slots: semaphore, 3 of 4 permits taken\n…", "", "inspect", "slots")
	p.expect(0, `{…"freed": [
    {
      "name": "jobs",
      "kind": "queue",…"locks": [
    {
      "name": "m",…`, "", "gc", "--json")
	b.Kill() // the pipe's other end
	p.expect(0, "…Both ends are done with, …: atrium gc --apply", "", "inspect", "talk", "--over", "0")
	p.expect(0, "talk     pipe       133 KiB\n…Removed 1 object of dead processes, 133 KiB, and freed what dead processes hold of 6 objects\n\nLeft alone, …:\nm   mutex …\nrw  rwmutex…died with it", "", "gc", "--apply")
	p.expect(1, "", "atrium: nothing is named talk; …", "inspect", "talk")
	for name, want := range map[string]string{"slots": "semaphore, 0 of 4 permits taken", "readers": "rwmutex, free", "start": "barrier, broken", "rw": "rwmutex, free; an owner died"} {
		p.expect(0, name+": "+want+"\n…open in  0 processes\n…", "", "inspect", name)
	}
	p.expect(0, "jobs: queue, 1 of 4…\nNo process has it open.\n\nA process that put into it died, and no other is left that puts: when it is empty, …", "", "inspect", "jobs", "--over", "0")
	p.expect(0, "Nothing to remove in SPACE\n\nLeft alone, …:\nm   mutex …\nrw  rwmutex  an owner died with it", "", "gc", "--apply")

	m, rw := got(psync.OpenMutex(p.space, "m")), got(psync.OpenRWMutex(p.space, "rw"))
	for _, err := range []error{m.Lock(background), rw.Lock(background)} {
		if !errors.Is(err, psync.ErrOwnerDead) {
			t.Errorf("the next owner gets %v", err)
		}
	}
	p.expect(0, "m: mutex, held by pid …; an owner died\n…\n\nAn owner died, and what the lock guards has not been mended: …", "", "inspect", "m")
	p.expect(0, "Nothing to remove in SPACE", "", "gc")
	for _, err := range []error{m.MarkConsistent(), rw.Unlock(), m.Unlock(), m.Close(), rw.Close()} {
		if err != nil {
			t.Error(err)
		}
	}
	p.expect(0, "rw: rwmutex, not recoverable\n…\n\nAn owner died, and who had the lock next unlocked it without MarkConsistent: nobody gets it any more. …", "", "inspect", "rw")
	p.expect(0, "Nothing to remove in SPACE", "", "gc")
}

// Values' own files are their queue's, until nobody has the value any more.
func TestValueFiles(t *testing.T) {
	p := newPlace(t)
	p.alone()
	p.remove("arrays")
	q := got(queue.Open[ndarray.Any](p.space, "arrays", queue.Config{Capacity: 2}))
	a := got(ndarray.New[float32](p.space, "", 100, 10))
	if err := q.Put(background, a.Any); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	p.expect(0, "Space SPACE: 1 named, 1 unnamed, …\n.q…@arrays  array  4.0 KiB  …  queue arrays  float32 (100, 10)\n…", "", "ls", "-a")
	p.expect(0, "…\narrays … queue  … KiB  …", "", "ls") // of the 2 MiB that it may have
	p.expect(0, "No arrays in SPACE…", "", "array", "list")
	p.expect(0, "Nothing to remove in SPACE", "", "gc", "--apply")
	file := got(filepath.Glob(filepath.Join(p.space.Path(), ".q*")))[0]
	bytes := got(os.ReadFile(file))
	v := got(q.Get(background))
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(file, bytes, 0o600); err != nil { // as if who got it had died before it was removed
		t.Fatal(err)
	}
	name := filepath.Base(file)
	p.expect(0, "…\n"+name+"  array  4.0 KiB  …  nobody, of queue arrays  float32 (100, 10)\n…", "", "ls", "-a")
	p.expect(0, name+"  array  4.0 KiB\nWould remove 1 object of dead processes, 4.0 KiB: atrium gc --apply", "", "gc")
	p.expect(0, name+"  array  4.0 KiB\nRemoved 1 object of dead processes, 4.0 KiB", "", "gc", "--apply")
	if _, err := os.Stat(file); err == nil {
		t.Error("the file of a value that nobody has is still there")
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
}

var answer = pool.Func("answer", func(context.Context, int) (int, error) { return 42, nil })

// The files of a pool say what they are.
func TestPoolFiles(t *testing.T) {
	p := newPlace(t)
	workers, err := pool.New(background, pool.Config{Space: p.space.Path(), Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := answer.Map(background, workers, []int{1, 2, 3}); err != nil {
		t.Error(err)
	}
	out, _, _ := p.atrium("ls", "-a")
	for _, want := range []string{"  board  512 B ", "a pool's, of its workers' tasks", "  rings  513 KiB ", "a pool's, to and from a worker", fmt.Sprintf("pid %d (", os.Getpid())} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if err := workers.Close(); err != nil {
		t.Error(err)
	}
}
