package arraymap

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"example.com/atrium/internal/picture"
	"example.com/atrium/ndarray"
	"example.com/atrium/ndarray/npy"
	"example.com/atrium/shm"
)

// output is the array that workers write into; its file has no name until commit.
type output struct {
	ndarray.Any
	draft *shm.Draft
	path  string
}

func newOutput(path string, dtype npy.DType, shape []int) (*output, error) {
	a, draft, err := ndarray.NewDraft(path, dtype, false, shape...)
	if err != nil {
		return nil, err
	}
	return &output{a, draft, path}, nil
}

// describe is what a Report says of it.
func (o *output) describe() Array { return describe(o.path, o.Any) }

func describe(path string, a ndarray.Any) Array {
	shape := a.Shape()
	if shape == nil {
		shape = []int{}
	}
	return Array{path, a.DType().String(), shape, a.NBytes()}
}

// erase makes indices lo to hi of axis 0 zero again, where a call failed that may have written some of them.
func (o *output) erase(lo, hi int) {
	if o.Len() == 0 {
		return
	}
	b := o.draft.Segment().Bytes()
	each := o.NBytes() / o.Len()
	b = b[len(b)-o.NBytes():]
	clear(b[lo*each : hi*each])
}

// commit gives the file its name, after the picture of it was drawn, and then the picture's.
func (o *output) commit(c Config, r *Report) error {
	var png bytes.Buffer
	if c.PNG != "" {
		shown, err := picture.Encode(&png, o.Any)
		if err != nil {
			return fmt.Errorf("%s: %w; leave --png away", c.PNG, err)
		}
		r.PNG, r.Shown = c.PNG, shown.String()
	}
	if err := o.draft.Commit(c.Force); err != nil {
		return appeared(err, "-o", "")
	}
	if c.PNG == "" {
		return nil
	}
	d, err := shm.NewDraft(c.PNG, int64(png.Len()))
	if err != nil {
		return err
	}
	copy(d.Segment().Bytes(), png.Bytes())
	return errors.Join(appeared(d.Commit(c.Force), "--png", c.Out+" is written; "), d.Abort(), d.Segment().Close())
}

// appeared says what to do when a file came while the map ran that was not there before.
func appeared(err error, flag, done string) error {
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: it was made by someone else while the map ran; %schoose another %s, or replace it with --force", err, done, flag)
	}
	return err
}

// close gives the file up unless it was committed.
func (o *output) close() error { return errors.Join(o.Any.Close(), o.draft.Abort()) }
