package queue_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/queue"
	"example.com/atrium/shm"
)

// plain is a value of fixed size, which goes the short ways: two of the words are what the first is, in another form.
type plain [3]uint64

func newPlain(id uint64) plain { return plain{id, ^id, id * 3} }

var plainConfig = queue.Config{Capacity: 16}

// batchIn is what a consumer takes, and a producer puts, at most at once, where they do several.
const batchIn = 5

var _ = mptest.Register("plain player", func(args []string) {
	role, many := must(strconv.Atoi(args[1])), args[2] == "many"
	queue.OnCrashPoint(func(string) {
		if rand.IntN(100) == 0 { // so that a kill finds it here
			time.Sleep(rand.N(200 * time.Microsecond))
		}
	})
	s := must(shm.Open(args[0]))
	account := must(s.Attach("account", true)).Bytes()
	q := must(queue.Open[plain](s, "q", plainConfig))
	mptest.Say("ready")
	if role < 2 {
		mine := account[putAt+role*each:][:each]
		next := 0
		for mine[next] != 0 {
			next++
		}
		for next+batchIn < len(mine) && account[stopPuts] == 0 {
			var vs []plain
			for i := range 1 + rand.N(batchIn) {
				vs = append(vs, newPlain(uint64(role)<<32|uint64(next+i)))
				mine[next+i] = under
				if !many {
					break
				}
			}
			if many {
				must(q.PutMany(background, vs))
			} else {
				mptest.Must(q.Put(background, vs[0]))
			}
			for range vs {
				mine[next] = returned
				next++
			}
		}
	} else {
		got := account[gotAt+(role-2)*2*each:]
		for {
			vs, err := make([]plain, batchIn), error(nil)
			n := 1
			if many {
				n, err = q.GetInto(background, vs)
			} else {
				vs[0], err = q.Get(background)
			}
			if errors.Is(err, queue.ErrNoProducers) { // there will be others
				time.Sleep(time.Millisecond)
				continue
			}
			if errors.Is(err, queue.ErrShut) {
				break
			}
			mptest.Must(err)
			for _, v := range vs[:n] {
				from, at := v[0]>>32, v[0]&(1<<32-1)
				if v != newPlain(v[0]) || from > 1 || at >= each {
					account[torn+role-2] = 1
					continue
				}
				got[from*each+at]++
			}
		}
	}
	mptest.Must(q.Close())
})

// TestPlainKilledAtRandom is TestKilledAtRandom with values of fixed size, one at a time and in batches.
func TestPlainKilledAtRandom(t *testing.T) {
	for _, how := range []string{"one", "many"} {
		t.Run(how, func(t *testing.T) {
			mptest.Check(t)
			s := mptest.Space(t)
			g := ok[*shm.Segment](t)(s.Create("account", accountSize, nil))
			t.Cleanup(func() {
				noErr(t, s.Remove("account"))
				noErr(t, g.Close())
			})
			account := g.Bytes()
			q := newQueue[plain](t, s, "q", plainConfig)
			var all [players]*mptest.Proc
			var kills [players]int
			start := func(role int) {
				all[role] = mptest.Start(t, "plain player", s.Path(), strconv.Itoa(role), how)
				all[role].Expect("ready")
			}
			for role := range all {
				start(role)
			}
			want := *soakKills
			if want == 0 {
				want = 40
			}
			for range want {
				role := rand.N(players)
				time.Sleep(rand.N(30 * time.Millisecond))
				all[role].Kill()
				if msg := all[role].Stderr(); msg != "" {
					t.Fatalf("player %d: %s", role, msg)
				}
				kills[role]++
				start(role)
			}
			eventually(t, "a value is put", func() bool { return slices.Contains(account[putAt:gotAt], returned) })
			account[stopPuts] = 1
			all[0].Done()
			all[1].Done()
			noErr(t, q.Shut())
			all[2].Done()
			all[3].Done()
			var puts, lost, doubt, twice int
			for i, put := range account[putAt:gotAt] {
				n := 0
				for c := range 2 {
					n += int(account[gotAt+2*c*each+i])
				}
				switch {
				case put == returned && n == 0:
					lost++
				case put == under:
					doubt++
				case put == 0 && n > 0:
					t.Errorf("value %d came and was never put", i)
				}
				if put == returned {
					puts++
				}
				if n > 1 {
					twice++
				}
			}
			per := 1
			if how == "many" {
				per = batchIn
			}
			st := q.Stats()
			t.Logf("%d puts, %v kills, %d lost, %d in doubt, %d twice; %+v", puts, kills, lost, doubt, twice, st)
			if lost > per*(kills[2]+kills[3]) || doubt > per*(kills[0]+kills[1]) || account[torn]+account[torn+1] > 0 || twice > 0 || puts == 0 || q.Len() != 0 {
				t.Errorf("%d lost, %d in doubt, %d twice, torn %v, %d left", lost, doubt, twice, account[torn:torn+2], q.Len())
			}
			for i := range q.Capacity() {
				if w := ring(q).Word(uint64(i)).Load(); w&7 != 0 {
					t.Errorf("slot %d is stuck: %#x", i, w)
				}
			}
		})
	}
}
