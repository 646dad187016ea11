package queue_test

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

var soakKills = flag.Int("queue.kills", 0, "how many processes that use a queue are killed, for each kind of consumer; 0 is a few seconds' worth")

// The account of a soak is a file of bytes, each written by one process at a time: what it says is true when its writer is
// killed at the next instruction.
const (
	players     = 4       // producers are 0 and 1, consumers 2 and 3
	each        = 1 << 22 // values of a producer, at most
	stopPuts    = 0       // byte: producers end
	torn        = 1       // and 2: bytes of the consumers
	putAt       = 4096
	gotAt       = putAt + 2*each // by consumer and producer: deliveries, those with the mark times 16
	accountSize = gotAt + 4*each

	under, returned = 1, 2
)

// message has a size that its number decides, in the slot, in its region, in a file; some have an array.
type message struct {
	ID   uint64
	Fill []byte
	A    ndarray.Any
}

func newMessage(s *shm.Space, id uint64) (message, error) {
	m := message{ID: id, Fill: make([]byte, fillSize(id))}
	for i := range m.Fill {
		m.Fill[i] = byte(id + uint64(i))
	}
	if id%11 == 5 {
		a, err := ndarray.New[uint64](s, "", 10)
		if err != nil {
			return m, err
		}
		a.Set(id, 9)
		m.A = a.Any
	}
	return m, nil
}

func fillSize(id uint64) int {
	switch {
	case id%50 == 7:
		return 9000 // a file
	case id%10 == 3:
		return 3000 // the region
	}
	return int(id % 20)
}

func (m message) whole() bool {
	if len(m.Fill) != fillSize(m.ID) || m.A.IsZero() == (m.ID%11 == 5) {
		return false
	}
	for i, b := range m.Fill {
		if b != byte(m.ID+uint64(i)) {
			return false
		}
	}
	return m.A.IsZero() || binary.LittleEndian.Uint64(m.A.Bytes(9)) == m.ID
}

var soakConfig = queue.Config{Capacity: 8, ValueSize: 100, MaxValue: 4096}

// player is one of the processes of a soak. It dies when it has come to a step n times, if it is given one.
var _ = mptest.Register("player", func(args []string) {
	role, how := must(strconv.Atoi(args[1])), args[2]
	step, n := args[3], must(strconv.Atoi(args[4]))
	queue.OnCrashPoint(func(at string) {
		if at == step {
			if n--; n <= 0 {
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		}
		if step == "" && rand.IntN(400) == 0 { // so that a kill finds it here
			time.Sleep(rand.N(200 * time.Microsecond))
		}
	})
	s := must(shm.Open(args[0]))
	account := must(s.Attach("account", true)).Bytes()
	q := must(queue.Open[message](s, "q", soakConfig))
	mptest.Say("ready")
	if role < 2 {
		produce(s, q, account, role, how)
	} else {
		consume(q, account, role, how)
	}
	mptest.Must(q.Close())
})

func produce(s *shm.Space, q *queue.Queue[message], account []byte, role int, how string) {
	mine := account[putAt+role*each:][:each]
	next := slices.Index(mine, 0) // what a predecessor was at stays in doubt
	for next < len(mine) && account[stopPuts] == 0 {
		batch := 1
		if how == "many" {
			batch = 1 + rand.N(4)
		}
		var ms []message
		for i := range batch {
			ms = append(ms, must(newMessage(s, uint64(role)<<32|uint64(next+i))))
			mine[next+i] = under
		}
		if how == "many" {
			must(q.PutMany(background, ms))
		} else {
			mptest.Must(q.Put(background, ms[0]))
		}
		for i, m := range ms {
			mine[next+i] = returned
			mptest.Must(m.A.Close())
		}
		next += batch
	}
}

func consume(q *queue.Queue[message], account []byte, role int, how string) {
	var last [2]uint64
	note := func(m message, again bool) {
		from, n := m.ID>>32, m.ID&(1<<32-1)
		if how == "borrow" && !again && from < 2 {
			if m.ID < last[from] {
				mptest.Must(fmt.Errorf("%#x came after %#x", m.ID, last[from]))
			}
			last[from] = m.ID
		}
		got := account[gotAt+2*(role-2)*each:]
		switch {
		case !m.whole() || from > 1 || n >= each:
			account[torn+role-2] = 1
		case again:
			got[from*each+n] += 16
		default:
			got[from*each+n]++
		}
		_ = m.A.Close()
	}
	for {
		var err error
		switch how {
		case "get":
			var m message
			if m, err = q.Get(background); err == nil {
				note(m, false)
			}
		case "many":
			var ms []message
			ms, err = q.GetMany(background, 3)
			for _, m := range ms {
				note(m, false)
			}
		case "borrow":
			var b queue.Borrowed[message]
			if b, err = q.Borrow(background); err == nil {
				note(must(b.Value()), b.Again)
				err = b.Release()
			}
		}
		if errors.Is(err, queue.ErrShut) {
			return
		}
		if errors.Is(err, queue.ErrNoProducers) { // there will be others
			time.Sleep(time.Millisecond)
			continue
		}
		mptest.Must(err)
	}
}

// stage is a Space with a queue that players use.
type stage struct {
	t       *testing.T
	s       *shm.Space
	q       *queue.Queue[message]
	account []byte
	how     string
	all     [players]*mptest.Proc
	since   [players]time.Time
	kills   [players]int
}

func newStage(t *testing.T, how string) *stage {
	t.Helper()
	s := mptest.Space(t)
	g := ok[*shm.Segment](t)(s.Create("account", accountSize, nil))
	t.Cleanup(func() {
		noErr(t, s.Remove("account"))
		noErr(t, g.Close())
	})
	return &stage{t: t, s: s, q: newQueue[message](t, s, "q", soakConfig), account: g.Bytes(), how: how}
}

func (st *stage) start(role int, step string, n int) {
	st.t.Helper()
	st.all[role] = mptest.Start(st.t, "player", st.s.Path(), strconv.Itoa(role), st.how, step, strconv.Itoa(n))
	st.since[role] = time.Now()
}

func (st *stage) kill(role int) {
	st.t.Helper()
	st.all[role].Kill()
	if msg := st.all[role].Stderr(); msg != "" {
		st.t.Fatalf("player %d: %s", role, msg)
	}
	st.kills[role]++
}

// end shuts the queue, has the players finish, and judges.
func (st *stage) end() {
	t := st.t
	t.Helper()
	for role := range players {
		if st.all[role] == nil || ended(st.all[role]) {
			st.start(role, "", 0)
		}
	}
	eventually(t, "a value is put", func() bool { return slices.Contains(st.account[putAt:gotAt], returned) })
	st.account[stopPuts] = 1
	st.all[0].Done()
	st.all[1].Done()
	noErr(t, st.q.Shut())
	st.all[2].Done()
	st.all[3].Done()
	if vs, err := st.q.Drain(); err != nil || len(vs) > 0 {
		t.Errorf("%d values are left, %v", len(vs), err)
	}
	var puts, lost, doubt, twice, again int
	for i, put := range st.account[putAt:gotAt] {
		plain, marked := 0, 0
		for c := range 2 {
			got := st.account[gotAt+2*c*each+i]
			plain, marked = plain+int(got&15), marked+int(got>>4)
		}
		switch {
		case put == returned:
			if puts++; plain+marked == 0 {
				lost++
			}
		case put == under:
			doubt++
		case plain+marked > 0:
			t.Errorf("value %d came and was never put", i)
		}
		if plain > 1 {
			twice++
		}
		again += marked
	}
	producers, consumers := st.kills[0]+st.kills[1], st.kills[2]+st.kills[3]
	may, doubtful := consumers, producers
	switch st.how {
	case "borrow":
		may = 0
	case "many":
		may, doubtful = 3*consumers, 4*producers
	}
	if lost > may || twice > 0 || again > consumers || doubt > doubtful || slices.Contains(st.account[torn:torn+2], 1) || puts == 0 {
		t.Errorf("%d values lost and %d doubled without the mark, %d with it, %d in doubt, torn %v", lost, twice, again, doubt, st.account[torn:torn+2])
	}
	for i := range st.q.Capacity() {
		if w := ring(st.q).Word(uint64(i)).Load(); w&7 != 0 {
			t.Errorf("slot %d is stuck: %#x", i, w)
		}
	}
	_ = ok[shm.Swept](t)(st.s.Sweep())
	checkEmpty(t, st.s)
	stats := st.q.Stats()
	t.Logf("%d puts, %v kills, %d lost, %d in doubt, %d came again; %d orphaned, %d adopted, %d dropped, %d abandoned", puts, st.kills, lost, doubt, again, stats.Orphaned, stats.Adopted, stats.Dropped, stats.Abandoned)
}

// TestKilledAtRandom kills one of two producers and two consumers every few milliseconds, and counts what became of each value.
// The full run is: go test -run TestKilledAtRandom -timeout 3h ./queue -queue.kills 3400
func TestKilledAtRandom(t *testing.T) {
	for _, how := range []string{"get", "many", "borrow"} {
		t.Run(how, func(t *testing.T) {
			mptest.Check(t)
			st := newStage(t, how)
			for role := range players {
				st.start(role, "", 0)
				st.all[role].Expect("ready")
			}
			lasts := 3 * time.Second
			if testing.Short() {
				lasts = 500 * time.Millisecond
			}
			kills := 0
			for begun := time.Now(); *soakKills == 0 && time.Since(begun) < lasts || kills < *soakKills; kills++ {
				time.Sleep(rand.N(20 * time.Millisecond))
				role := rand.N(players)
				if rand.N(10) == 0 { // stopped for a while first
					noErr(t, syscall.Kill(st.all[role].Pid(), syscall.SIGSTOP))
					time.Sleep(rand.N(10 * time.Millisecond))
				}
				st.kill(role)
				st.start(role, "", 0)
				st.all[role].Expect("ready")
			}
			st.end()
		})
	}
}

// steps are where players die, each kind of consumer its own.
var steps = map[string]string{
	"get":    "put: claimed|put: deposited|put: gave|put: stored|get: claimed|get: collected|get: released|cell: taken|cell: mourned",
	"many":   "put: claimed|put: published|get: claimed|get: vacated|get: released",
	"borrow": "get: claimed|get: released|borrow: counted",
}

// TestCrashPoints has players die at each step, again and again.
func TestCrashPoints(t *testing.T) {
	for _, how := range []string{"get", "many", "borrow"} {
		all := strings.Split(steps[how], "|")
		if testing.Short() { // another one each time
			rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			all = all[:1]
		}
		for _, step := range all {
			t.Run(how+" at "+step, func(t *testing.T) {
				mptest.Check(t)
				times := 4
				if testing.Short() {
					times = 2
				}
				st := newStage(t, how)
				first, second := 0, 2 // one dies, one is killed so that there are dead to find
				if strings.HasPrefix(step, "get") || strings.HasPrefix(step, "borrow") {
					first, second = 2, 0
				}
				for role := range players {
					if role != first && (role != 1 || step != "put: stored") { // each slot gets its storage once
						st.start(role, "", 0)
					}
				}
				for died := 0; died < times; died++ {
					for try := 1; !st.dies(first, step); try++ {
						if !strings.HasPrefix(step, "cell: mourned") || try == 20 {
							t.Fatalf("nobody died at %q: %+v", step, st.q.Stats())
						}
						st.kill(first) // somebody else has mourned the dead first
					}
					var e *exec.ExitError
					if err := st.all[first].Wait(); !errors.As(err, &e) || e.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
						t.Fatalf("a player was to die at %q and ended with %v, %s", step, err, st.all[first].Stderr())
					}
					st.kills[first]++
					if died%2 == 1 && second != first && !ended(st.all[second]) {
						st.kill(second)
						st.start(second, "", 0)
					}
				}
				st.end()
			})
		}
	}
}

// dies starts a player that is to die at a step, and tells whether it did.
func (st *stage) dies(first int, step string) bool {
	n, limit := 1+rand.N(3), time.Minute
	switch {
	case strings.HasPrefix(step, "cell: mourned"):
		st.kill(1) // a producer, whose cell somebody takes
		st.start(1, "", 0)
		eventually(st.t, "it puts", func() bool {
			for _, u := range st.q.Stats().Users {
				if u.Producer && !u.Dead {
					return true
				}
			}
			return false
		})
		st.kill(1)
		n, limit = 1, 2*time.Second
	case strings.HasPrefix(step, "cell"), step == "put: stored":
		n = 1
	}
	st.start(first, step, n)
	for begun := time.Now(); !ended(st.all[first]); time.Sleep(time.Millisecond) {
		if time.Since(begun) > limit {
			return false
		}
	}
	return true
}

// ended tells whether a process has died and waits to be waited for.
func ended(p *mptest.Proc) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid()))
	return err != nil || strings.Contains(string(b), ") Z ")
}
