package manager

import (
	"strings"

	"example.com/atrium/pickle"
)

// signature tells which arguments a method takes. Python's callables check that in several ways with words of their own, and real
// programs see those words.
type signature struct {
	style    style
	min, max int
	params   []param // python and keywords
	called   string  // where it is not the method's name
}

type style int

const (
	exactlyOne   style = iota // C function of one argument
	none                      // C function of none
	unpack                    // C function of min to max
	slot                      // operator's method, checked by count
	unpackSlot                // operator's method, unpacked
	python                    // function written in Python
	keywords                  // C function that takes keywords
	keywordsOnly              // C function that takes nothing else
	anything                  // what looks at its arguments itself
)

type param struct {
	name     string
	optional bool
	value    any // when it is not given
}

var (
	one     = signature{style: exactlyOne}
	nothing = signature{style: none}
	slot0   = signature{style: slot}
	slot1   = signature{style: slot, min: 1, max: 1}
	number1 = signature{style: unpackSlot, min: 1, max: 1} // slots of numbers, which unpack one argument
	slot2   = signature{style: unpackSlot, min: 2, max: 2}
)

func atLeast(lo, hi int) signature { return signature{style: unpack, min: lo, max: hi} }

// function is the signature of one written in Python: names, those with a default as name, value.
func function(params ...param) signature { return signature{style: python, params: params} }

func need(name string) param                { return param{name: name} }
func optional(name string, value any) param { return param{name: name, optional: true, value: value} }

// bind checks the arguments of class.name, and puts the values of keywords and defaults in their places.
func (s signature) bind(class, name string, c *call) error {
	if s.called != "" {
		name = s.called
	}
	n := len(c.args)
	if s.style == anything {
		return nil
	}
	if s.style == python || s.style == keywords || s.style == keywordsOnly {
		return s.fill(class, name, c)
	}
	if c.kwds.Len() > 0 {
		if s.style == slot || s.style == unpackSlot {
			return typeError("wrapper %s() takes no keyword arguments", name)
		}
		if s.style == unpack && s.max == mostItems {
			return typeError("%s() takes no keyword arguments", name)
		}
		return typeError("%s() takes no keyword arguments", qualified(class, name))
	}
	switch s.style {
	case exactlyOne:
		if n != 1 {
			return typeError("%s() takes exactly one argument (%d given)", qualified(class, name), n)
		}
	case none:
		if n != 0 {
			return typeError("%s() takes no arguments (%d given)", qualified(class, name), n)
		}
	case slot:
		if n != s.max {
			return typeError("expected %d argument%s, got %d", s.max, plural(s.max), n)
		}
	case unpackSlot, unpack:
		if s.style == unpackSlot {
			name = ""
		}
		if n < s.min || n > s.max {
			return wrongCount(name, s.min, s.max, n)
		}
	}
	return nil
}

func qualified(class, name string) string {
	if class == "" {
		return name
	}
	return class + "." + name
}

func wrongCount(name string, lo, hi, n int) error {
	about, want := "", lo
	switch {
	case lo == hi:
	case n < lo:
		about = "at least "
	default:
		about, want = "at most ", hi
	}
	return typeError("%s expected %s%d argument%s, got %d", name, about, want, plural(want), n)
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// fill is bind for callables that take keywords.
func (s signature) fill(class, name string, c *call) error {
	n := len(c.args)
	if s.style != python && n+c.kwds.Len() > len(s.params) {
		return typeError("%s() takes at most %d argument%s (%d given)", name, len(s.params), plural(len(s.params)), n+c.kwds.Len())
	}
	if s.style == keywordsOnly && n > 0 {
		return typeError("%s() takes no positional arguments", name)
	}
	called := qualified(class, name)
	full := make([]any, len(s.params))
	given := make([]bool, len(s.params))
	for i := range min(n, len(full)) {
		full[i], given[i] = c.args[i], true
	}
	for k, v := range c.kwds.All() {
		key, _ := k.(string)
		at := s.index(key)
		switch {
		case at < 0 && s.style != python:
			return typeError("'%s' is an invalid keyword argument for %s()", key, name)
		case at < 0:
			return typeError("%s() got an unexpected keyword argument '%s'", called, key)
		case given[at] && s.style != python:
			return typeError("argument for %s() given by name ('%s') and position (%d)", name, key, at+1)
		case given[at]:
			return typeError("%s() got multiple values for argument '%s'", called, key)
		}
		full[at], given[at] = v, true
	}
	self := 1 // Python counts self
	if class == "" {
		self = 0
	}
	if n > len(full) {
		return typeError("%s", tooMany(called, s.required()+self, len(full)+self, n+self))
	}
	var missing []string
	for i, p := range s.params {
		if given[i] {
			continue
		}
		if !p.optional {
			missing = append(missing, "'"+p.name+"'")
		}
		full[i] = p.value
	}
	if len(missing) > 0 {
		return typeError("%s() missing %d required positional argument%s: %s", called, len(missing), plural(len(missing)), enumerate(missing))
	}
	c.args, c.kwds = full, nil
	return nil
}

func (s signature) index(name string) int {
	for i, p := range s.params {
		if p.name == name {
			return i
		}
	}
	return -1
}

func (s signature) required() (n int) {
	for _, p := range s.params {
		if !p.optional {
			n++
		}
	}
	return n
}

func tooMany(name string, lo, hi, n int) string {
	takes := pickle.Repr(hi)
	if lo != hi {
		takes = "from " + pickle.Repr(lo) + " to " + takes
	}
	was := "were"
	if n == 1 {
		was = "was"
	}
	return name + "() takes " + takes + " positional argument" + plural(hi) + " but " + pickle.Repr(n) + " " + was + " given"
}

func enumerate(names []string) string {
	switch n := len(names); n {
	case 1:
		return names[0]
	case 2:
		return names[0] + " and " + names[1]
	default:
		return strings.Join(names[:n-1], ", ") + ", and " + names[n-1]
	}
}
