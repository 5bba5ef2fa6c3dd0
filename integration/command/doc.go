// Package command runs the command with every engine, as a user does.
package command
