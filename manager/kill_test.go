package manager

import (
	"os/exec"
	"strings"
	"testing"

	"example.com/atrium/internal/mptest"
)

// driver is a Python client that is told what to do.
type driver struct{ *mptest.Proc }

func drive(t testing.TB, where string) driver { return driver{script(t, "driver", where)} }

// do evaluates an expression; want is its repr.
func (d driver) do(t testing.TB, expression, want string) {
	t.Helper()
	d.Send(expression)
	if got := d.Line(); got != want {
		t.Fatalf("%s is %s, not %s", expression, got, want)
	}
}

// pickled is an expression's value for another process.
func (d driver) pickled(expression string) string {
	d.Send("pickle.dumps(" + expression + ").hex()")
	return strings.Trim(d.Line(), "'")
}

// victim starts testdata/killed.py.
func victim(t testing.TB, d driver, where, what, objects string) *mptest.Proc {
	t.Helper()
	p := script(t, "killed", where, what)
	p.Send(d.pickled(objects))
	if line := p.Line(); line != "waits" && line != "holds" {
		t.Fatal(line)
	}
	return p
}

// waiting tells whether n calls wait in the line.
func waiting(t testing.TB, s *Server, n int) {
	t.Helper()
	eventually(t, "calls wait", func() bool {
		s.objects.mu.RLock()
		defer s.objects.mu.RUnlock()
		found := 0
		for _, e := range s.objects.known {
			switch o := e.object().inst.(type) {
			case *queue:
				o.mu.Lock()
				found += len(o.getters.waiters)
				o.mu.Unlock()
			case *lock:
				o.mu.Lock()
				found += len(o.line.waiters)
				o.mu.Unlock()
			case *condition:
				o.mu.Lock()
				found += len(o.line.waiters)
				o.mu.Unlock()
			case *barrier:
				o.mu.Lock()
				found += o.round.count
				o.mu.Unlock()
			}
		}
		return found == n
	})
}

// A client that is killed in a get takes nothing.
func TestKilledInGet(t *testing.T) {
	mptest.Check(t)
	s, where := served(t, Config{})
	d := drive(t, where)
	d.do(t, "keep.update(q=m.Queue())", "None")
	v := victim(t, d, where, "get", "[keep['q']]")
	waiting(t, s, 1)
	v.Kill()
	waiting(t, s, 0)
	d.do(t, "keep['q'].put('x')", "None")
	d.do(t, "keep['q'].get(timeout=60)", "'x'")
}

// A lock whose holder is killed stays locked, unless the configuration says otherwise; who was killed while it waited does not get it.
func TestKilledWithLock(t *testing.T) {
	mptest.Check(t)
	for _, release := range []bool{false, true} {
		s, where := served(t, Config{ReleaseLocks: release})
		d := drive(t, where)
		d.do(t, "keep.update(l=m.Lock(), r=m.RLock(), s=m.Semaphore(1))", "None")
		holder := victim(t, d, where, "hold", "[keep['l'], keep['r'], keep['r'], keep['s']]")
		d.do(t, "[keep[k].acquire(False) for k in 'lrs']", "[False, False, False]")
		waiter := victim(t, d, where, "acquire", "[keep['l']]")
		waiting(t, s, 1)
		waiter.Kill()
		waiting(t, s, 0)
		holder.Kill()
		if release {
			d.do(t, "[keep[k].acquire(True, 60) for k in 'lrs']", "[True, True, True]")
			continue
		}
		d.do(t, "[keep[k].acquire(True, 0.05) for k in 'lrs']", "[False, False, False]")
		d.do(t, "keep['l'].release() or keep['l'].acquire(False)", "True") // anybody may
	}
}

// A notify goes to one that lives, and a barrier breaks.
func TestKilledInWait(t *testing.T) {
	mptest.Check(t)
	s, where := served(t, Config{})
	d := drive(t, where)
	d.do(t, "keep.update(c=m.Condition(), b=m.Barrier(3))", "None")
	one := victim(t, d, where, "wait", "[keep['c']]")
	waiting(t, s, 1)
	two := victim(t, d, where, "wait", "[keep['c']]")
	waiting(t, s, 2)
	one.Kill()
	waiting(t, s, 1)
	d.do(t, "keep['c'].acquire(True, 60)", "True")
	d.do(t, "keep['c'].notify()", "None")
	waiting(t, s, 0)
	d.do(t, "keep['c'].release()", "None")
	two.Kill()

	three := victim(t, d, where, "barrier", "[keep['b']]")
	waiting(t, s, 1)
	d.do(t, "keep['b'].n_waiting", "1")
	three.Kill()
	waiting(t, s, 0)
	d.do(t, "keep['b'].broken", "True")
	d.do(t, "keep['b'].wait()", "'BrokenBarrierError: '")
}

// The references of a killed client are given back, whether it called methods or not.
func TestKilledWithReferences(t *testing.T) {
	mptest.Check(t)
	s, where := served(t, Config{})
	d := drive(t, where)
	for _, calls := range []string{"[]", "[1]"} {
		v := victim(t, d, where, "references", calls)
		d.do(t, "m._number_of_objects()", "5")
		v.Kill()
		eventually(t, "references are given back", func() bool { return s.objects.number() == 0 })
	}
	s.objects.mu.RLock()
	defer s.objects.mu.RUnlock()
	for _, p := range s.objects.processes {
		if p.pid != d.Pid() {
			t.Errorf("process %d is still known", p.pid)
		}
	}
}

// A process that nobody has waited for is dead, and so is one whose pid is another's.
func TestAlive(t *testing.T) {
	mptest.Check(t)
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	noErr(t, err)
	noErr(t, cmd.Start())
	start, _, err := status(cmd.Process.Pid)
	noErr(t, err)
	p, other := &process{pid: cmd.Process.Pid, start: start}, &process{pid: cmd.Process.Pid, start: "1"}
	if !p.alive() || other.alive() {
		t.Error(p.alive(), other.alive())
	}
	in.Close()
	eventually(t, "it is dead", func() bool { return !p.alive() })
	noErr(t, cmd.Wait())
	if p.alive() {
		t.Error("alive after its death")
	}
}
