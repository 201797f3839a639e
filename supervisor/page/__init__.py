"""`rtpipe supervise --page`: page, metrics and health by HTTP, in a process of its own that asks the control socket.

page_process   the process: the server, and the feed beside it
page_options   settings -> what the process is started with
feed           asks the supervisor once a second; all others read what it keeps
everywhere     what the other hosts say that share the partitions
commands       commands of rtpipe that the operator has run: messages, retries
past           hours and days, from the history's file
recent         the last minutes of each partition, for charts
guard          who may speak to it: Host, Origin, token
app            which address has what
health         what `/livez` and `/readyz` answer
"""
