# Code to be found on stacks: trap stubs of several kinds, what they interrupt,
# and what they call. Nothing here is executed.

    .macro save register
    push \register
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset \register, 0
    .endm
    .macro restore register
    pop \register
    .cfi_adjust_cfa_offset -8
    .cfi_restore \register
    .endm

    # name, mark: `.cfi_signal_frame` or nothing
    .macro stub name, mark
    .type \name, @function
\name:
    .cfi_startproc
    \mark
    .cfi_def_cfa rsp, 48
    .cfi_offset rip, -40
    .cfi_offset rsp, -16
    save rax
    save rbx
    call handler
\name\()_return:
    restore rbx
    restore rax
    add rsp, 8
    .cfi_adjust_cfa_offset -8
    iretq
    .cfi_endproc
    .size \name, . - \name
    .endm

    .intel_syntax noprefix
    .text
    .global _start
    .type _start, @function
_start:
    .cfi_startproc
    .cfi_undefined rip
    nop
    call outer
start_return:
    ud2
    .cfi_endproc
    .size _start, . - _start

    .type outer, @function
outer:
    .cfi_startproc
    call inner
outer_return:
    ret
    .cfi_endproc
    .size outer, . - outer

    .type inner, @function
inner:
    .cfi_startproc
    save rbx
inner_interrupted:
    nop
    restore rbx
    ret
    .cfi_endproc
    .size inner, . - inner

    .type handler, @function
handler:
    .cfi_startproc
    nop
    ret
    .cfi_endproc
    .size handler, . - handler

    stub marked, .cfi_signal_frame
    stub unmarked,

    .type bare, @function
bare:
    push rax
    push rbx
    test eax, eax
    jz 1f
    sub rsp, 64
    call handler
bare_return:
    add rsp, 64
1:  pop rbx
    pop rax
    add rsp, 8
    iretq
    .size bare, . - bare

    # What a compiler writes for an interrupt function that it was not told
    # has an error code.
    .type mistaken, @function
mistaken:
    .cfi_startproc
    save rax
    save rbx
    call handler
mistaken_return:
    restore rbx
    restore rax
    add rsp, 8
    iretq
    .cfi_endproc
    .size mistaken, . - mistaken

    # A frame pointer and nothing else; it never returns.
    .type keeper, @function
keeper:
    push rbp
    mov rbp, rsp
    push rbx
    sub rsp, 40
    nop
keeper_stopped:
    call handler
    .size keeper, . - keeper
keeper_return:

    # Its end is the end of a call.
    .type caller_of_keeper, @function
caller_of_keeper:
    .cfi_startproc
    push rax
    .cfi_adjust_cfa_offset 8
    call keeper
    .cfi_endproc
    .size caller_of_keeper, . - caller_of_keeper
caller_of_keeper_return:

    # Loads a stack of its own, as boot code does.
    .type booter, @function
booter:
    mov esp, 0x9000
    call handler
booter_return:
1:  hlt
    jmp 1b
    .size booter, . - booter

    .type rules_by_rbp, @function
rules_by_rbp:
    .cfi_startproc
    push rbp
    .cfi_def_cfa_offset 16
    .cfi_offset rbp, -16
    mov rbp, rsp
    .cfi_def_cfa_register rbp
    call rules_by_rbp
rules_by_rbp_return:
    leave
    .cfi_def_cfa rsp, 8
    ret
    .cfi_endproc
    .size rules_by_rbp, . - rules_by_rbp

    # Rules that are expressions: the CFA is rsp + 16, rbx was saved at CFA - 16,
    # r12 was CFA + 8.
    .type expressive, @function
expressive:
    .cfi_startproc
    .cfi_escape 0x0f, 2, 0x77, 16
    .cfi_escape 0x10, 3, 2, 0x40, 0x1c
    .cfi_escape 0x16, 12, 2, 0x38, 0x22
    nop
    ret
    .cfi_endproc
    .size expressive, . - expressive

    .type early, @function
early:
    .code32
    push ebp
    mov ebp, esp
    call early
early_return:
    hlt
    .code64
    .size early, . - early

    .data
data:
    .quad 0
