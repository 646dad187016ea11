package pool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"example.com/atrium/engine"
	"example.com/atrium/ndarray"
	"example.com/atrium/shm"
)

// Space is the Space that a function's process shares with its driver: where it makes the arrays it returns. nil
// outside a function.
func Space(ctx context.Context) *shm.Space {
	if s := engine.SessionOf(ctx); s != nil {
		return s.Space
	}
	return nil
}

// give makes the arrays in a result fit to travel: unnamed ones of this process become the driver's, what lies in the
// heap or is part of an unnamed one is copied first.
func give[Out any](ctx context.Context, out *Out) error {
	s := engine.SessionOf(ctx)
	return ndarray.Walk(out, func(a *ndarray.Any) error {
		if a.IsZero() {
			return nil
		}
		seg := a.Segment()
		if seg == nil || seg.Mine() && (!a.Whole() || seg.Space() != s.Space) {
			b, err := ndarray.Share(s.Space, "", *a)
			if err != nil {
				return err
			}
			if err := a.Close(); err != nil {
				return err
			}
			*a, seg = b, b.Segment()
		}
		if seg.Mine() {
			return seg.Give(s.Driver, s.Tag)
		}
		return nil
	})
}

// owners lists the unnamed arrays of this process that a result has borrowed views of, each once: they were made for it,
// and nobody else would close them.
func owners[Out any](out *Out) (all []*shm.Segment) {
	_ = ndarray.Walk(out, func(a *ndarray.Any) error {
		if seg := a.Segment(); seg != nil && !a.Owns() && seg.Mine() && !slices.Contains(all, seg) {
			all = append(all, seg)
		}
		return nil
	}) // give walks it again, and tells of what cannot be walked
	return all
}

// closeOwners closes what owners gave, unless it was given away as a whole too, and keeps the call's error.
func closeOwners(all []*shm.Segment, err *error) {
	for _, seg := range all {
		if seg.Mine() {
			if e := seg.Close(); *err == nil {
				*err = e
			}
		}
	}
}

// adopt makes the arrays that a worker gave this process's own. An array that stands in the result twice has one owner.
// encoded is what out was decoded from: an array that it names and out does not hold went into an any, where it is no
// array. After an error nothing of the result is left.
func adopt[Out any](s *shm.Space, out *Out, encoded []byte) error {
	var adopted []string
	err := ndarray.Walk(out, func(a *ndarray.Any) error {
		seg := a.Segment()
		if seg == nil {
			return nil
		}
		path := seg.Path()
		if filepath.Dir(path) != s.Path() || !strings.HasPrefix(filepath.Base(path), givenPrefix(s)) || slices.Contains(adopted, path) {
			return nil // other unnamed files of ours have no tag: they are only referred to
		}
		adopted = append(adopted, path)
		return s.Adopt(seg)
	})
	if named := given(s, encoded); err == nil && len(named) > len(adopted) {
		err = fmt.Errorf("atrium: the result has %d arrays where a %T has no place for them: give it a field of type ndarray.Any or ndarray.Array for each, not any", len(named)-len(adopted), *out)
	}
	if err != nil {
		discard(s, out, encoded)
	}
	return err
}

// givenPrefix begins the names of files that workers gave this process and that it has not adopted.
func givenPrefix(s *shm.Space) string { return s.TagPrefix("w") }

// given lists the paths of such files that an encoded result names, each once.
func given(s *shm.Space, encoded []byte) (paths []string) {
	if len(encoded) <= len(s.Path()) { // most results: no path has room
		return nil
	}
	prefix := []byte(s.Path() + "/" + givenPrefix(s))
	for {
		i := bytes.Index(encoded, prefix)
		if i < 0 {
			return paths
		}
		encoded = encoded[i:]
		n := len(prefix)
		for n < len(encoded) && (encoded[n] == '.' || encoded[n] == '-' || '0' <= encoded[n] && encoded[n] <= '9') {
			n++
		}
		if path := string(encoded[:n]); !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
		encoded = encoded[n:]
	}
}

// discard closes what a result holds and removes the files that came with it and nobody will adopt.
func discard[Out any](s *shm.Space, out *Out, encoded []byte) {
	_ = ndarray.Walk(out, func(a *ndarray.Any) error { return a.Close() })
	removeGiven(s, encoded)
}

func removeGiven(s *shm.Space, encoded []byte) {
	for _, path := range given(s, encoded) {
		_ = os.Remove(path) // one that was adopted has another name by now; the rest goes with the worker
	}
}

// takeBack removes what a failed call has given already.
func takeBack[Out any](out *Out) {
	_ = ndarray.Walk(out, func(a *ndarray.Any) error {
		if seg := a.Segment(); seg != nil && seg.Given() {
			return os.Remove(seg.Path())
		}
		return nil
	})
}

// closeArrays closes the arrays of a call's argument and result once the result is encoded, and keeps the call's error.
func closeArrays[In, Out any](err error, in *In, out *Out) error {
	closeOne := func(a *ndarray.Any) error { return a.Close() }
	errIn, errOut := ndarray.Walk(in, closeOne), ndarray.Walk(out, closeOne)
	if err != nil {
		return err
	}
	return errors.Join(errIn, errOut)
}
