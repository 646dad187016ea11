package manager

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"example.com/atrium/connection"
	"example.com/atrium/internal/mptest"
	"example.com/atrium/pickle"
)

// What a server tells of itself, to this process and by Look to another.
func TestStatus(t *testing.T) {
	mptest.Check(t)
	s, _ := served(t, Config{MaxClients: 5})
	l, k, q := create(t, s, "list", pickle.NewList(1, 2)), create(t, s, "Lock"), create(t, s, "Queue")
	d := create(t, s, "dict")
	r := open(t, s)
	for range 40 {
		r.want(nil, l, "append", 3)
	}
	r.want("True", k, "acquire")
	r.want("#ERROR IndexError('list index out of range')", l, "__getitem__", 99)
	r.want("#TRACEBACK KeyError: 'x'", "x", "append", 1)
	r.want(nil, d, "__setitem__", "l", rebuilt("here", l))
	other := open(t, s)
	other.send(q, "get")
	look := func() Status {
		st, err := Look(background, s.Addr(), key, 10)
		noErr(t, err)
		return st
	}
	st := look()
	for len(st.Clients) < 2 || st.Clients[1].Method == "" || st.Counts.Received != st.Clients[0].Received { // in a moment
		time.Sleep(time.Millisecond)
		st = look()
	}
	first, second := st.Clients[0], st.Clients[1]
	if first.Calls != 44 || first.Name != "raw" || !strings.HasPrefix(first.From, "pid:") || first.Received == 0 || first.Sent == 0 || first.Object != "" || first.Since.Before(st.Started) {
		t.Errorf("%+v", first)
	}
	if second.Object != q || second.Method != "get" || second.WaitsFrom.Before(second.Since) || second.WaitsFrom.After(st.At) {
		t.Errorf("%+v", second)
	}
	if len(st.Objects) != 4 || len(st.Types) != 4 || st.Types["list"] != 1 {
		t.Fatalf("%+v", st)
	}
	for i, want := range []string{
		`{"type":"list","references":1,"len":42,"calls":41,"text":"[1, 2, `,
		`{"type":"Lock","references":1,"calls":1,"holder":1,"text":"<locked`,
		`{"type":"Queue","references":1,"len":0,"calls":1,"waiting":1,"text":"<queue`,
		`{"type":"dict","references":1,"len":1,"calls":1,"text":"{'l': <ListProxy`,
	} {
		st.Objects[i].ID = ""
		b, err := json.Marshal(st.Objects[i])
		noErr(t, err)
		if got := strings.Replace(string(b), `"id":"",`, "", 1); !strings.HasPrefix(strings.ReplaceAll(got, `\u003c`, "<"), want) {
			t.Errorf("%s\nis not\n%s", got, want)
		}
	}
	c := st.Counts
	timed := uint64(0)
	for _, n := range c.Took.Calls {
		timed += n
	}
	if c.Calls() != 44 || c.Returned != 42 || c.Raised != 1 || c.Failed != 1 || c.Made != 4 || c.Received != first.Received || timed != 3 || c.Took.Seconds <= 0 {
		t.Errorf("%+v", c)
	}
	if own := s.Status(1); len(own.Objects) != 1 || len(own.Types) != 4 || own.Connections < 2 {
		t.Errorf("%+v", own)
	}

	// Those that are gone stay counted, and a lock tells whose it is, whoever that was.
	r.Close()
	for len(st.Clients) > 1 {
		time.Sleep(time.Millisecond)
		st = look()
	}
	if st.Counts.Calls() != 44 || st.Objects[1].Holder != first.ID {
		t.Errorf("%+v", st)
	}
}

// Who looks does not wait for a call that computes.
func TestStatusOfBusy(t *testing.T) {
	mptest.Check(t)
	s, _ := served(t, Config{})
	id := create(t, s, "list", pickle.NewList(1))
	o, err := s.objects.get(id)
	noErr(t, err)
	l := o.inst.(*list)
	l.mu.Lock()
	st := s.Status(1)
	l.mu.Unlock()
	if o := st.Objects[0]; !o.Busy || o.Len != nil || o.Text != "" {
		t.Errorf("%+v", o)
	}
}

// Who is turned away is counted by the reason, and told of once.
func TestTurnedAway(t *testing.T) {
	mptest.Check(t)
	told := make(chan error, 10)
	s, _ := served(t, Config{MaxClients: 1, Log: func(_ string, err error) { told <- err }})
	_, err := connection.Dial(background, s.Addr(), connection.Config{Authkey: []byte("another")})
	if !errors.Is(err, connection.ErrAuthentication) || !errors.Is(<-told, connection.ErrAuthentication) {
		t.Error(err)
	}
	open(t, s)
	dial(t, s).ended()
	if err := <-told; !strings.Contains(err.Error(), "MaxClients") {
		t.Error(err)
	}
	if c := s.Status(0).Counts; c.AwayKey != 1 || c.AwayFull != 1 || c.AwayUser+c.AwayOther != 0 || c.Connections != 2 || len(told) > 0 {
		t.Errorf("%+v", c)
	}
}

// Only a manager of atrium can be looked at.
func TestLookElsewhere(t *testing.T) {
	mptest.Check(t)
	l, err := connection.Listen("unix:"+t.TempDir()+"/l", connection.Config{Authkey: key})
	noErr(t, err)
	defer l.Close()
	answers := make(chan error, 1)
	go func() {
		c, err := l.Accept(background)
		if err == nil {
			defer c.Close()
			_, err = c.Recv(background)
		}
		if err == nil {
			err = c.Send(background, pickle.Tuple{"#TRACEBACK", "AssertionError: 'atrium_status' unrecognized"})
		}
		answers <- err
	}()
	if _, err := Look(background, l.Addr(), key, 1); err == nil || !strings.Contains(err.Error(), "is no manager of atrium") {
		t.Error(err)
	}
	noErr(t, <-answers)
	ctx, end := context.WithCancel(background)
	end()
	if _, err := Look(ctx, l.Addr(), key, 1); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
