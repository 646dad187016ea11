package psync_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/psync"
	"example.com/atrium/shm"
)

// Marks in shared memory hold the locks to what they promise: a process that is in says so in its mark, and looks at the
// others', so that of two that are in at once and must not be, one sees it. Finished counts what it did.
const (
	markers  = 8
	outside  = 0
	reading  = 1
	writing  = 2
	markBits = 0xffff
)

type marks struct {
	s    *shm.Space
	b    []byte
	mine int
}

func (m marks) cell(i int) *layout.BoardCell { return layout.Board(m.b, i) }

// in says that this process is in, and gives what is wrong with that.
func (m marks) in(how uint64) error {
	m.cell(m.mine).Begun.Store(layout.SyncOwner(m.s.Owner().Slot, m.s.Owner().Epoch) | how)
	for i := range markers {
		v := m.cell(i).Begun.Load()
		if i == m.mine || v&markBits == outside || how == reading && v&markBits == reading {
			continue
		}
		slot, epoch := layout.SyncSlot(v)
		if dead, err := m.s.Dead(shm.Owner{Slot: slot, Epoch: epoch}); err != nil || !dead {
			if m.cell(i).Begun.Load() == v {
				return fmt.Errorf("process %d is in (%d) as %d is (%d), %v", m.mine, how, i, v&markBits, err)
			}
		}
	}
	return nil
}

func (m marks) out() {
	m.cell(m.mine).Begun.Store(outside)
	m.cell(m.mine).Finished.Add(1)
}

// rounds are what churning processes do of each kind.
func round(kind string, t func(do string) error, m marks) error {
	inside := func(how uint64) error {
		err := m.in(how)
		if rand.N(8) == 0 {
			time.Sleep(rand.N(2 * time.Millisecond)) // long enough for heirs
		}
		m.out()
		return err
	}
	taken := func(err error) error {
		if errors.Is(err, psync.ErrOwnerDead) {
			return t("mend")
		}
		return err
	}
	switch kind {
	case "mutex":
		return cmpErr(taken(t("lock")), func() error { return inside(writing) }, func() error { return t("unlock") })
	case "rwmutex":
		if rand.N(3) > 0 {
			if err := t("rlock"); !errors.Is(err, psync.ErrOwnerDead) {
				return cmpErr(err, func() error { return inside(reading) }, func() error { return t("runlock") })
			}
		}
		return cmpErr(taken(t("lock")), func() error { return inside(writing) }, func() error { return t("unlock") })
	case "semaphore:2":
		n := ":" + strconv.Itoa(1+rand.N(2))
		return cmpErr(t("acquire"+n), func() error {
			if n == ":2" {
				return inside(writing)
			}
			return inside(reading)
		}, func() error { return t("release" + n) })
	case "event":
		if m.mine == 0 || rand.N(3) == 0 { // the survivor always
			err := errors.Join(t("set"), t("clear"))
			m.out()
			return err
		}
		err := t("wait")
		m.out()
		return err
	case "cond":
		if err := taken(t("lock")); err != nil {
			return err
		}
		do := []string{"signal", "broadcast", "wait"}[rand.N(3)]
		if m.mine == 0 {
			do = "broadcast"
		}
		err := taken(t(do))
		m.out()
		return errors.Join(err, t("unlock"))
	case "barrier:3":
		err := t("wait")
		if errors.Is(err, psync.ErrBroken) {
			err = t("reset")
		}
		if errors.Is(err, psync.ErrFull) { // the dead have not lost their seats yet
			err = t("reset")
		}
		m.out()
		return err
	}
	return errors.New("what is a " + kind)
}

func cmpErr(err error, then ...func() error) error {
	for _, f := range then {
		if err == nil {
			err = f()
		}
	}
	return err
}

// churn does rounds until it is killed, or kills itself when it has come to a step n times.
var _ = mptest.Register("churn", func(args []string) {
	s := must(shm.Open(args[0]))
	kind := args[1]
	mine, _ := strconv.Atoi(args[2])
	step := args[3]
	n, _ := strconv.Atoi(args[4])
	m := marks{s, must(s.Attach("marks", true)).Bytes(), mine}
	if step != "" { // else it takes the short ways, which have no steps
		psync.OnCrashPoint(func(at string) {
			if at == step {
				if n--; n <= 0 {
					syscall.Kill(os.Getpid(), syscall.SIGKILL)
				}
			}
		})
	}
	t := open(s, kind, "x")
	mptest.Say("ready")
	for {
		mptest.Must(round(kind, func(do string) error { return t(background, do) }, m))
	}
})

// stage is a Space with an object in which processes churn.
type stage struct {
	t    *testing.T
	s    *shm.Space
	g    *shm.Segment
	kind string
	all  [markers]*mptest.Proc

	kills int
	late  []time.Duration // how long somebody stood still, where that was for long
}

func newStage(t *testing.T, kind string) *stage {
	t.Helper()
	s := mptest.Space(t)
	remove(t, s, "x", "x-m", "marks")
	g := ok[*shm.Segment](t)(s.Create("marks", markers*layout.BoardCellSize, nil))
	t.Cleanup(func() { noErr(t, g.Close()) })
	return &stage{t: t, s: s, g: g, kind: kind}
}

// start begins process i, which dies when it has come to step n times.
func (st *stage) start(i int, step string, n int) {
	st.t.Helper()
	layout.Board(st.g.Bytes(), i).Begun.Store(outside)
	st.all[i] = mptest.Start(st.t, "churn", st.s.Path(), st.kind, strconv.Itoa(i), step, strconv.Itoa(n))
}

func (st *stage) kill(i int) {
	st.t.Helper()
	st.kills++
	p := st.all[i]
	p.Kill()
	if msg := p.Stderr(); msg != "" {
		st.t.Fatalf("process %d of %s: %s", i, st.kind, msg)
	}
}

// moves waits until process i has done more.
func (st *stage) moves(i int) {
	st.t.Helper()
	c := layout.Board(st.g.Bytes(), i)
	was := c.Finished.Load()
	begun := time.Now()
	for c.Finished.Load() < was+3 {
		if msg := st.all[i].Stderr(); msg != "" {
			st.t.Fatalf("process %d of %s: %s", i, st.kind, msg)
		}
		if time.Since(begun) > time.Minute {
			st.t.Fatalf("process %d of %s is stuck: %+v", i, st.kind, ok[psync.State](st.t)(psync.Look(st.s, "x")))
		}
		time.Sleep(time.Millisecond)
	}
	if took := time.Since(begun); took > 2*promptly {
		st.late = append(st.late, took)
	}
}

// prompt tells whether others went on soon after somebody died. The machine may let anybody stand still, but not at every fourth death.
func (st *stage) prompt() {
	st.t.Helper()
	if len(st.late) > 1+st.kills/4 {
		st.t.Errorf("of %d deaths, %d let others of %s stand still for %v", st.kills, len(st.late), st.kind, st.late)
	}
}

// empty looks, when all are dead, whether everything comes back to who comes next.
func (st *stage) empty() {
	st.t.Helper()
	st.prompt()
	t := open(st.s, st.kind, "x")
	do := func(what string, want ...error) {
		st.t.Helper()
		err := t(within(st.t, time.Minute), what)
		for _, w := range want {
			if errors.Is(err, w) {
				return
			}
		}
		if err != nil {
			st.t.Errorf("%s of %s after all died: %v", what, st.kind, err)
		}
	}
	switch st.kind {
	case "mutex", "rwmutex", "cond":
		do("lock", psync.ErrOwnerDead)
		do("mend", psync.ErrNotOwner)
		do("unlock")
		do("lock")
		do("unlock")
	case "semaphore:2":
		do("acquire:2")
		do("release:2")
	case "barrier:3":
		do("reset")
		do("join")
		do("join")
		do("join")
	case "event":
		do("set")
		do("wait")
	}
	if state := ok[psync.State](st.t)(psync.Look(st.s, "x")); len(state.Waiters) > 0 || len(state.Holders) > 0 && st.kind != "barrier:3" {
		st.t.Errorf("left of %s: %+v", st.kind, state)
	}
	do("close")
}

var kinds = []string{"mutex", "rwmutex", "semaphore:2", "cond", "event", "barrier:3"}

// TestKilledAtRandom kills processes at any moment; process 0 always goes on.
func TestKilledAtRandom(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			mptest.Check(t)
			lasts := 3 * time.Second
			if testing.Short() {
				lasts = 600 * time.Millisecond
			}
			st := newStage(t, kind)
			for i := range 3 {
				st.start(i, "", 0)
			}
			for i := range 3 {
				st.all[i].Expect("ready")
			}
			kills := 0
			for begun := time.Now(); time.Since(begun) < lasts; kills++ {
				time.Sleep(rand.N(10 * time.Millisecond))
				i := 1 + rand.N(2)
				st.kill(i)
				if kind != "barrier:3" { // two and the dead do not go on
					st.moves(0)
				}
				st.start(i, "", 0)
				st.all[i].Expect("ready")
				st.moves(0)
			}
			for i := range 3 {
				st.kill(i)
			}
			st.empty()
			t.Logf("%d kills; %d rounds of the survivor", kills, layout.Board(st.g.Bytes(), 0).Finished.Load())
		})
	}
}

// steps are the crash points that processes of each kind come to when others contend and are killed.
var steps = map[string]string{
	"mutex":       "lock: taken|lock: awaited|lock: found dead|lock: buried|lock: releasing|lock: released|lock: inherited|lock: heir|sleep: armed|join: cell cleared|sweep: bequeathed|sweep: swept",
	"rwmutex":     "lock: taken|permits: entered|permits: taken|permits: counted|permits: given back|permits: left|permits: first|guard: recounted|mourn: entered|sweep: named|sweep: bequeathed|sweep: swept|sleep: armed",
	"semaphore:2": "permits: entered|permits: taken|permits: counted|permits: given back|permits: left|permits: first|guard: recounted|mourn: entered|sweep: bequeathed|sweep: swept|sleep: armed",
	"cond":        "cond: ticket|cond: unlocked|cond: woken|cond: signalled|cond: broadcast|sweep: bequeathed",
	"event":       "event: set|sleep: armed|join: cell cleared",
	"barrier:3":   "barrier: arrived|barrier: decided|barrier: finished|barrier: left|sweep: bequeathed|sweep: swept",
}

// dieAt is where a process has to die for another one to come to a step.
var dieAt = map[string]string{
	"lock: found dead": "lock: taken", "lock: buried": "lock: taken", "guard: recounted": "permits: entered",
}

// often tells that a process comes to a step more than once.
func often(step string) int {
	if dieAt[step] != "" || strings.HasPrefix(step, "join") || strings.HasPrefix(step, "sweep") {
		return 0
	}
	return 2
}

// TestCrashPoints has processes die at each step, again and again, while another goes on.
func TestCrashPoints(t *testing.T) {
	for _, kind := range kinds {
		for step := range strings.SplitSeq(steps[kind], "|") {
			t.Run(kind+" at "+step, func(t *testing.T) {
				mptest.Check(t)
				times := 4
				if testing.Short() {
					times = 2
				}
				st := newStage(t, kind)
				dies := func() { st.start(3, dieAt[step], 1+rand.N(10)) } // so that there are dead to find
				dies()
				st.all[3].Expect("ready")
				st.start(0, "", 0)
				st.all[0].Expect("ready")
				died := 0
				var since [3]time.Time
				patience := 300 * time.Millisecond
				for begun := time.Now(); died < times; {
					if dieAt[step] == "" || ended(st.all[3]) {
						st.kill(3)
					}
					for i := 1; i < 3; i++ {
						if st.all[i] != nil {
							if ended(st.all[i]) {
								var e *exec.ExitError
								if err := st.all[i].Wait(); !errors.As(err, &e) || e.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
									t.Fatalf("process %d was to die at %q and ended with %v, %s", i, step, err, st.all[i].Stderr())
								}
								died++
								st.kills++
							} else if time.Since(since[i]) < patience {
								continue
							} else { // others were before it at every such step, or the machine is slow
								st.kill(i)
								patience += patience / 8
							}
						}
						st.start(i, step, 1+rand.N(1+often(step)))
						since[i] = time.Now()
					}
					if ended(st.all[3]) {
						dies()
					}
					if kind != "barrier:3" {
						st.moves(0)
					}
					time.Sleep(rand.N(20 * time.Millisecond))
					if time.Since(begun) > 2*time.Minute {
						t.Fatalf("%d processes died at %q, want %d", died, step, times)
					}
				}
				for i := range 4 {
					st.kill(i)
				}
				st.empty()
			})
		}
	}
}

// ended tells whether a process has died and waits to be waited for.
func ended(p *mptest.Proc) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid()))
	return err != nil || strings.Contains(string(b), ") Z ")
}
