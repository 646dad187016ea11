package ring

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/shm"
)

func TestMain(m *testing.M) { mptest.Main(m) }

var soakTime = flag.Duration("ring.soak", 3*time.Second, "how long processes that use a claim ring are killed")

// The account of a soak is a file of bytes, each written by one process at a time: what it says is true when its
// writer is killed at the next instruction.
const (
	soakEach    = 1 << 21 // values of a producer, at most
	soakStop    = 0       // byte: producers end
	soakQuit    = 1       // byte: consumers end
	soakTorn    = 2       // and 3, 4, 5: bytes, by process
	soakPut     = 4096
	soakGot     = soakPut + 2*soakEach // by consumer and producer: deliveries, those with the mark times 16
	soakAccount = soakGot + 4*soakEach

	soakUnder, soakReturned = 1, 2
)

// soaker is one of the processes: its role is 0 or 1 for producers, 2 or 3 for consumers.
var _ = mptest.Register("soaker", func(args []string) {
	role, err := strconv.Atoi(args[1])
	mptest.Must(err)
	s, err := shm.Open(args[0])
	mptest.Must(err)
	mem, err := s.Attach("ring", true)
	mptest.Must(err)
	account, err := s.Attach("account", true)
	mptest.Must(err)
	r, err := Attach(mem.Bytes(), spaceIdentity(s))
	mptest.Must(err)
	r.hook = func(step) { // so that a kill finds it at a step, not only in its value
		if rand.IntN(500) == 0 {
			time.Sleep(rand.N(200 * time.Microsecond))
		}
	}
	mptest.Say("ready")
	if role < 2 {
		soakProduce(r, account.Bytes(), role)
	} else {
		soakConsume(r, account.Bytes(), role)
	}
})

func spaceIdentity(s *shm.Space) Identity {
	return Identity{
		Owner: layout.MakeOwner(s.Owner().Slot, s.Owner().Epoch),
		Dead: func(o layout.SlotOwner) bool {
			all, err := s.Processes()
			return err == nil && !slices.ContainsFunc(all, func(p shm.Process) bool {
				return layout.MakeOwner(p.Owner.Slot, p.Owner.Epoch) == o
			})
		},
	}
}

func soakProduce(r *MPMC, account []byte, role int) {
	ctx := context.Background()
	mine := account[soakPut+role*soakEach:][:soakEach]
	next := slices.Index(mine, 0) // the last one of a predecessor stays in doubt
	for ; next < len(mine) && account[soakStop] == 0; next++ {
		mine[next] = soakUnder
		c, err := r.Claim(ctx, nil)
		mptest.Must(err)
		id := uint64(role)<<32 | uint64(next)
		for i := 0; i+8 <= len(c.Data); i += 8 {
			binary.LittleEndian.PutUint64(c.Data[i:], id*uint64(1+i))
		}
		mptest.Must(c.Commit(len(c.Data) &^ 7))
		mine[next] = soakReturned
	}
}

func soakConsume(r *MPMC, account []byte, role int) {
	ctx := context.Background()
	for {
		b, err := r.Borrow(ctx, func() error {
			if account[soakQuit] != 0 {
				return errQuit
			}
			return nil
		})
		if errors.Is(err, errQuit) {
			return
		}
		mptest.Must(err)
		id := binary.LittleEndian.Uint64(b.Data)
		from, n := int(id>>32), int(uint32(id))
		ok := from < 2 && n < soakEach
		for i := 0; i+8 <= len(b.Data) && ok; i += 8 {
			ok = binary.LittleEndian.Uint64(b.Data[i:]) == id*uint64(1+i)
		}
		switch got := account[soakGot+2*(role-2)*soakEach:]; {
		case !ok:
			account[soakTorn+role-2] = 1
		case b.Again:
			got[from*soakEach+n] += 16
		default:
			got[from*soakEach+n]++
		}
		mptest.Must(b.Release())
	}
}

// TestKilledProcesses has two producers and two consumers, one of which is killed every few milliseconds, and counts what
// became of each value.
func TestKilledProcesses(t *testing.T) {
	mptest.Check(t)
	took := *soakTime
	if testing.Short() {
		took = min(took, time.Second)
	}
	for _, capacity := range []int{1, 64} {
		t.Run(strconv.Itoa(capacity), func(t *testing.T) { soak(t, capacity, took/2) })
	}
}

func soak(t *testing.T, capacity int, took time.Duration) {
	const room = 240
	s := mptest.Space(t)
	n, err := layout.MPMCSize(capacity, room)
	wantErr(t, err, nil)
	mem, err := s.Create("ring", int64(n), func(b []byte) error { return layout.InitMPMC(b, capacity, room) })
	wantErr(t, err, nil)
	file, err := s.Create("account", soakAccount, nil)
	wantErr(t, err, nil)
	defer func() {
		for _, g := range []*shm.Segment{mem, file} {
			wantErr(t, s.Remove(g.Name()), nil)
			wantErr(t, g.Close(), nil)
		}
	}()
	r, account := layoutOf(mem.Bytes()), file.Bytes()

	var procs [4]*mptest.Proc
	start := func(role int) {
		procs[role] = mptest.Start(t, "soaker", s.Path(), strconv.Itoa(role))
		procs[role].Expect("ready")
	}
	for role := range procs {
		start(role)
	}
	var kills [4]int
	for end := time.Now().Add(took); time.Now().Before(end); {
		time.Sleep(rand.N(20 * time.Millisecond))
		role := rand.IntN(len(procs))
		procs[role].Kill()
		kills[role]++
		start(role)
	}
	for end := time.Now().Add(patient); !slices.Contains(account[soakPut:soakGot], soakReturned) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	account[soakStop] = 1
	procs[0].Done()
	procs[1].Done()
	stuck := func() (n int) {
		for i := range capacity {
			if layout.SlotWord(r.m.Word(uint64(i)).Load()).State() != layout.Empty {
				n++
			}
		}
		return n
	}
	for end := time.Now().Add(patient); stuck() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("%d slots are not empty %v after the last put", stuck(), patient)
			break
		}
	}
	account[soakQuit] = 1
	r.Wake()
	procs[2].Done()
	procs[3].Done()

	var returned, lost, doubt, plain2, again int
	for i, put := range account[soakPut:soakGot] {
		plain, marked := 0, 0
		for c := range 2 {
			got := account[soakGot+2*c*soakEach+i]
			plain, marked = plain+int(got&15), marked+int(got>>4)
		}
		switch {
		case put == soakReturned:
			if returned++; plain+marked == 0 {
				lost++
			}
		case put == soakUnder:
			doubt++
		case plain+marked > 0:
			t.Errorf("value %d came and was never put", i)
		}
		if plain > 1 {
			plain2++
		}
		again += marked
	}
	if lost > 0 || plain2 > 0 || slices.Contains(account[soakTorn:soakTorn+2], 1) || returned == 0 {
		t.Errorf("%d values lost, %d doubled without the mark, torn %v", lost, plain2, account[soakTorn:soakTorn+2])
	}
	if again > kills[2]+kills[3] || doubt > kills[0]+kills[1] {
		t.Errorf("%d values came again and %d are in doubt after %d kills", again, doubt, kills)
	}
	t.Logf("%d puts, kills %d, %d in doubt, %d came again; %+v", returned, kills, doubt, again, r.Stats())
}
