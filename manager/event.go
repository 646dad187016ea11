package manager

import "sync"

var eventKind = kind{name: "Event", exposed: []string{"is_set", "set", "clear", "wait"}, create: newEvent}

// event is a threading.Event.
type event struct {
	mu   sync.Mutex
	flag bool
	line line
}

var eventTakes = function()

func newEvent(c *call) (instance, error) {
	return &event{}, eventTakes.bind("Event", "__init__", c)
}

func (e *event) value() (any, error) { return nil, typeError("cannot pickle '_thread.lock' object") }

func (e *event) repr(int) string {
	if e.isSet() {
		return "<threading.Event at 0x0: set>"
	}
	return "<threading.Event at 0x0: unset>"
}

func (e *event) isSet() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.flag
}

func (e *event) call(name string, c *call) (any, bool, error) { return eventMethods.call(e, name, c) }

var eventMethods = methods[*event]{class: "Event", of: map[string]method[*event]{
	"is_set": {function(), func(e *event, _ *call) (any, error) { return e.isSet(), nil }},
	"set": {function(), func(e *event, _ *call) (any, error) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.flag = true
		e.line.all()
		return nil, nil
	}},
	"clear": {function(), func(e *event, _ *call) (any, error) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.flag = false
		return nil, nil
	}},
	"wait": {function(optional("timeout", nil)), (*event).wait},
}}

func (e *event) wait(c *call) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.flag {
		return true, nil
	}
	timeout, err := timeoutOf(c.args[0])
	if err != nil {
		return nil, err
	}
	return e.line.stand(&e.mu, c, timeout)
}
