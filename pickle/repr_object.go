package pickle

// object prints a call with what was done to its result.
func (p *printer) object(o *Object) {
	if o.New && len(o.Args) == 0 && o.KwArgs.Len() == 0 {
		p.write("<" + o.name() + " object")
		p.rest(o, " ")
		p.write(">")
		return
	}
	p.write(o.name() + "(")
	p.items(o.Args)
	sep := ", "
	if len(o.Args) == 0 {
		sep = ""
	}
	for k, v := range o.KwArgs.All() {
		p.write(sep)
		if s, ok := k.(string); ok {
			p.write(s)
		} else {
			p.value(k)
		}
		p.write("=")
		p.value(v)
		sep = ", "
	}
	p.rest(o, sep)
	p.write(")")
}

func (p *printer) rest(o *Object, sep string) {
	if len(o.ListItems) > 0 {
		p.write(sep + "[")
		p.items(o.ListItems)
		p.write("]")
		sep = ", "
	}
	if len(o.DictItems) > 0 {
		p.write(sep + "{")
		for i, it := range o.DictItems {
			if i > 0 {
				p.write(", ")
			}
			p.value(it.Key)
			p.write(": ")
			p.value(it.Value)
		}
		p.write("}")
		sep = ", "
	}
	if o.State != nil {
		p.write(sep)
		p.value(o.State)
	}
}

// name is the callable's as Python prints it for most classes: without the module, in full for instances without arguments.
func (o *Object) name() string {
	switch c := o.Class(); {
	case c.Name == "":
		return "object"
	case o.New && len(o.Args) == 0 && o.KwArgs.Len() == 0:
		return c.String()
	default:
		return c.leaf()
	}
}
