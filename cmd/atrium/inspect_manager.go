package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"example.com/atrium/manager"
	"example.com/atrium/shm"
	"github.com/spf13/cobra"
)

// managerInspection is what `inspect ADDRESS` prints.
type managerInspection struct {
	manager.Status
	Rates *managerRates `json:"rates,omitempty"`
	was   *manager.Status
}

// managerRates are what went through in a second.
type managerRates struct {
	Calls    float64 `json:"calls"`
	Received float64 `json:"received"`
	Sent     float64 `json:"sent"`
}

// mostShown is how many objects inspect asks for.
const mostShown = 1000

func inspectManager(cmd *cobra.Command, address string, opts inspectOptions) error {
	f := findManager(address, opts.authkeyFile)
	key, err := keyOf(f)
	if err != nil {
		return err
	}
	pace := max(opts.over, 100*time.Millisecond)
	if opts.over == 0 {
		pace = time.Second
	}
	var before *manager.Status
	for {
		ctx, stop := context.WithTimeoutCause(cmd.Context(), 10*time.Second, fmt.Errorf("%s does not answer", address))
		st, err := manager.Look(ctx, address, key, mostShown)
		stop()
		if err != nil {
			return err
		}
		if before != nil || opts.over == 0 {
			i := managerInspection{Status: st, was: before}
			i.rate()
			if err := show(cmd, opts, i, i.print); err != nil || !opts.watch {
				return err
			}
		}
		before = &st
		if err := pause(cmd.Context(), pace); err != nil {
			if opts.watch {
				return nil // Ctrl-C is how it ends
			}
			return err
		}
	}
}

// rate compares with what was before, unless the manager is another one.
func (i *managerInspection) rate() {
	if i.was == nil || !i.was.Started.Equal(i.Started) || i.was.Pid != i.Pid {
		i.was = nil
		return
	}
	now, was := i.Counts, i.was.Counts
	i.Rates = &managerRates{i.per(now.Calls(), was.Calls()), i.per(now.Received, was.Received), i.per(now.Sent, was.Sent)}
}

func (i *managerInspection) per(now, was uint64) float64 {
	return float64(now-min(was, now)) / max(i.At.Sub(i.was.At).Seconds(), 1e-3)
}

func (i managerInspection) print(w io.Writer) error {
	objects := 0
	for _, n := range i.Types {
		objects += n
	}
	c := i.Counts
	fmt.Fprintf(w, "%s: manager, %s, %s\n", plain(i.Address), count(objects, "object", "objects"), count(len(i.Clients), "client", "clients"))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	ending := ""
	if i.Ending {
		ending = ", ends"
	}
	fmt.Fprintf(t, "server\tpid %d, atrium %s, for %s%s\n", i.Pid, plain(i.Version), span(i.At.Sub(i.Started)), ending)
	fmt.Fprintf(t, "heap\t%s%s\n", shm.Bytes(i.Heap), of(i.Most))
	fmt.Fprintf(t, "calls\t%d%s; %d raised an exception, %d failed\n", c.Calls(), i.a("%.0f", func() float64 { return i.Rates.Calls }), c.Raised, c.Failed)
	fmt.Fprintf(t, "bytes\t%s received%s, %s sent%s\n", shm.Bytes(int64(c.Received)), i.aBytes(func() float64 { return i.Rates.Received }),
		shm.Bytes(int64(c.Sent)), i.aBytes(func() float64 { return i.Rates.Sent }))
	if text := away(c); text != "" {
		fmt.Fprintf(t, "refused\t%s\n", text)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	i.printClients(t)
	i.printObjects(t, objects)
	return t.Flush()
}

func of(most int64) string {
	if most == 0 {
		return ""
	}
	return " of " + shm.Bytes(most)
}

// a writes a rate, if there is one.
func (i managerInspection) a(format string, rate func() float64) string {
	if i.Rates == nil {
		return ""
	}
	return ", " + fmt.Sprintf(format, rate()) + " a second"
}

func (i managerInspection) aBytes(rate func() float64) string {
	if i.Rates == nil {
		return ""
	}
	return " (" + shm.Bytes(int64(rate())) + "/s)"
}

func away(c manager.Counts) string {
	var all []string
	for _, v := range []struct {
		n    uint64
		what string
	}{{c.AwayKey, "without the key"}, {c.AwayUser, "of other users"}, {c.AwayFull, "beyond --max-clients"}, {c.AwayOther, "for other reasons"}, {c.MemoryOut, "calls beyond --max-memory"}} {
		if v.n > 0 {
			all = append(all, fmt.Sprintf("%d %s", v.n, v.what))
		}
	}
	return strings.Join(all, ", ")
}

func (i managerInspection) printClients(t io.Writer) {
	if len(i.Clients) == 0 {
		return
	}
	before := map[uint64]uint64{}
	types := map[string]string{}
	for _, o := range i.Objects {
		types[o.ID] = o.Type
	}
	if i.was != nil {
		for _, c := range i.was.Clients {
			before[c.ID] = c.Calls
		}
	}
	fmt.Fprintf(t, "\nCLIENT\tNAME\tFROM\tFOR\tCALLS\t%sWAITS\n", i.heading())
	for _, c := range i.Clients {
		waits := "-"
		if c.Method != "" {
			waits = fmt.Sprintf("in %s of %s, %s", plain(c.Method), strings.TrimSpace(plain(types[c.Object])+" "+short(c.Object)), span(i.At.Sub(c.WaitsFrom)))
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%d\t%s%s\n", c.ID, clientTitle(c), plain(c.From), span(i.At.Sub(c.Since)), c.Calls, i.rateOf(c.Calls, before[c.ID]), waits)
	}
}

// short is an ident without what all of a server have in common.
func short(ident string) string {
	return plain(ident[strings.IndexByte(ident, '-')+1:])
}

func (i managerInspection) printObjects(t io.Writer, objects int) {
	if len(i.Objects) == 0 {
		return
	}
	before := map[string]uint64{}
	if i.was != nil {
		for _, o := range i.was.Objects {
			before[o.ID] = o.Calls
		}
	}
	here := map[uint64]bool{}
	for _, c := range i.Clients {
		here[c.ID] = true
	}
	fmt.Fprintf(t, "\nOBJECT\tTYPE\tLEN\tREFS\tCALLS\t%sWAIT\tHAS IT\tTEXT\n", i.heading())
	for _, o := range i.Objects {
		n, has := "-", "-"
		if o.Busy {
			n, o.Text = "?", "(a call computes with it)"
		}
		if o.Text == "" {
			o.Text = "…"
		}
		if o.Len != nil {
			n = fmt.Sprint(*o.Len)
		}
		if o.Holder != 0 {
			has = fmt.Sprintf("client %d", o.Holder)
			if !here[o.Holder] {
				has += ", gone"
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%s%d\t%s\t%s\n", short(o.ID), plain(o.Type), n, o.References, o.Calls, i.rateOf(o.Calls, before[o.ID]), o.Waiting, has, plain(o.Text))
	}
	if more := objects - len(i.Objects); more > 0 {
		fmt.Fprintf(t, "… and %d more\n", more)
	}
}

// heading is that of the column of rates, if there is one.
func (i managerInspection) heading() string {
	if i.was == nil {
		return ""
	}
	return "A SECOND\t"
}

func (i managerInspection) rateOf(now, was uint64) string {
	if i.was == nil {
		return ""
	}
	return fmt.Sprintf("%.0f\t", i.per(now, was))
}
