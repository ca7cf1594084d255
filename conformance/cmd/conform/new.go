package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/connectorhost/connectorhost/conformance/scaffold"
)

type newCmd struct {
	Name    string `arg:"" help:"The connector's name, as in its manifest: lower-case letters, digits and hyphens."`
	Dir     string `type:"path" placeholder:"DIR" help:"Where to write it. Default: a folder of its name, here."`
	Module  string `placeholder:"PATH" help:"Path of its Go module. Default: example.com/NAME."`
	Replace string `type:"path" placeholder:"DIR" help:"Checkout of connectorhost to build against, which is not published as a module yet. Default: the checkout that this folder is in."`
}

// Run writes the beginning of a connector, and says what to do with it.
func (c *newCmd) Run(w *world) error {
	dir, err := filepath.Abs(cmp.Or(c.Dir, c.Name))
	if err != nil {
		return err
	}
	checkout := c.Replace
	if checkout == "" {
		if checkout, err = checkoutHere(); err != nil {
			return err
		}
	}
	files, err := scaffold.New(scaffold.Options{
		Name: c.Name, Module: cmp.Or(c.Module, "example.com/"+c.Name), Dir: dir, Checkout: checkout,
	})
	if err != nil {
		return &usageError{err}
	}
	_, err = fmt.Fprintf(w.stdout, `The connector %[1]s is in %[2]s: %[3]d files.

It conforms as it is, with a provider that does not exist. To see it:

  cd %[2]s
  make conform

README.md there says what to replace, in which order.
`, c.Name, dir, len(files))
	return err
}

// checkoutHere is the checkout of connectorhost that the current folder is in.
func checkoutHere() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if scaffold.IsCheckout(dir) {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", &usageError{errors.New("--replace is needed: the folder of a checkout of connectorhost, " +
				"which is not published as a module yet")}
		}
		dir = up
	}
}
