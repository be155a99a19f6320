# First sector of a disk: fills memory from 1 MiB on and then writes its pages in turn at a set rate.
.code16
.globl _start
_start:
    jmp begin
    .balign 4
fill_end:   .long 0x04000000
write_end:  .long 0x02000000
ticks:      .long 500000
begin:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    inb $0x92, %al
    orb $2, %al
    andb $0xfe, %al
    outb %al, $0x92
    lgdt table_of_segments
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmp $8, $flat
.code32
flat:
    movw $16, %ax
    movw %ax, %ds
    movl fill_end, %ebp
    movl write_end, %esi
    movl ticks, %ecx
    movl $0x100000, %edi
fill:
    movl %edi, (%edi)
    addl $4096, %edi
    cmpl %ebp, %edi
    jb fill
    movw $0x3f8, %dx
    movb $'R', %al
    outb %al, %dx
    movl $0x100000, %edi
    rdtsc
    movl %eax, %ebx
wait:
    pause
    rdtsc
    subl %ebx, %eax
    cmpl %ecx, %eax
    jb wait
    addl %ecx, %ebx
    incl (%edi)
    addl $4096, %edi
    cmpl %esi, %edi
    jb wait
    movl $0x100000, %edi
    jmp wait
    .balign 8
segments:
    .quad 0
    .quad 0x00cf9a000000ffff
    .quad 0x00cf92000000ffff
table_of_segments:
    .word . - segments - 1
    .long segments
    .org 510
    .word 0xaa55
